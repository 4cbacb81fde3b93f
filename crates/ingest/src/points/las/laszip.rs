//! What must hold of compressed points before the decompressor sees them: it trusts the sizes that a file claims.

use std::io::{Read, Seek, SeekFrom};

use laz::{
    LazVlr,
    laszip::{ChunkTable, CompressorType, LazItemType},
};

use super::header::{LasHeader, corrupt};
use crate::points::PointsError;

/// Bytes of one entry of the decompressor's chunk table.
const TABLE_ENTRY_BYTES: u64 = 16;
/// Budget for the chunk table.
const MAX_TABLE_BYTES: u64 = 64 << 20;

/// The description of the compression, once everything that would take memory or end in a panic is ruled out.
pub(super) fn checked_vlr(
    header: &LasHeader,
    record: &[u8],
    file: &mut (impl Read + Seek),
    file_bytes: u64,
) -> Result<LazVlr, PointsError> {
    // The sum of item sizes is taken in 16 bits, unchecked.
    let announced = record.get(32..34).map_or(0, |pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])));
    let sizes = record.get(34..).unwrap_or_default().chunks_exact(6).take(announced);
    let sum: u64 = sizes.map(|item| u64::from(u16::from_le_bytes([item[2], item[3]]))).sum();
    if announced == 0 || announced > 32 || sum != u64::from(header.point_bytes) {
        let reason = format!("{announced} compressed items of {sum} bytes, points of {}", header.point_bytes);
        return Err(corrupt(header.points_offset, reason));
    }
    let vlr =
        LazVlr::from_buffer(record).map_err(|error| corrupt(0, format!("compression record: {error}")))?;
    for item in vlr.items() {
        let fixed = match item.item_type() {
            LazItemType::Byte(count) | LazItemType::Byte14(count) => count,
            LazItemType::Point10 => 20,
            LazItemType::GpsTime => 8,
            LazItemType::RGB12 | LazItemType::RGB14 => 6,
            LazItemType::RGBNIR14 => 8,
            LazItemType::Point14 => 30,
            LazItemType::WavePacket13 | LazItemType::WavePacket14 => 29,
        };
        if item.size() != fixed {
            return Err(corrupt(
                0,
                format!("a compressed item of {} bytes where {fixed} are due", item.size()),
            ));
        }
    }
    match compressor_of(record) {
        // One stream from the first point to the last.
        Some(CompressorType::PointWise) => return Ok(vlr),
        Some(CompressorType::PointWiseChunked | CompressorType::LayeredChunked) => {}
        _ => {
            return Err(PointsError::Unsupported {
                what: "points in one chunk that is not compressed".into(),
            });
        }
    }
    let table = chunk_table(header, &vlr, file, file_bytes)?;
    if compressor_of(record) == Some(CompressorType::LayeredChunked) {
        check_layers(header, &vlr, &table, file, file_bytes)?;
    }
    Ok(vlr)
}

fn compressor_of(record: &[u8]) -> Option<CompressorType> {
    match record.first()? {
        1 => Some(CompressorType::PointWise),
        2 => Some(CompressorType::PointWiseChunked),
        3 => Some(CompressorType::LayeredChunked),
        _ => None,
    }
}

/// The table of chunks, which must hold as many points as the header announces.
fn chunk_table(
    header: &LasHeader,
    vlr: &LazVlr,
    file: &mut (impl Read + Seek),
    file_bytes: u64,
) -> Result<ChunkTable, PointsError> {
    let start = header.points_offset;
    let mut offset = [0; 8];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut offset)?;
    let mut table_at = i64::from_le_bytes(offset);
    if table_at <= start as i64 {
        // A writer that could not go back put it at the end.
        file.seek(SeekFrom::Start(file_bytes.saturating_sub(8)))?;
        file.read_exact(&mut offset)?;
        table_at = i64::from_le_bytes(offset);
    }
    let table_at = u64::try_from(table_at).unwrap_or(u64::MAX);
    if table_at <= start || table_at.saturating_add(8) > file_bytes {
        return Err(corrupt(
            start,
            format!("the table of chunks is said to be at {table_at} of {file_bytes}"),
        ));
    }
    let mut head = [0; 8];
    file.seek(SeekFrom::Start(table_at))?;
    file.read_exact(&mut head)?;
    let chunks = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
    // Every chunk holds a whole point.
    let room = (table_at - start - 8) / u64::from(header.point_bytes);
    if chunks > room || chunks * TABLE_ENTRY_BYTES > MAX_TABLE_BYTES {
        return Err(corrupt(table_at + 4, format!("{chunks} chunks where {room} have room")));
    }
    if chunks == 0 && header.count > 0 {
        return Err(corrupt(table_at + 4, format!("no chunks for {} points", header.count)));
    }
    file.seek(SeekFrom::Start(start))?;
    let table = ChunkTable::read_from(&mut *file, vlr)
        .map_err(|error| corrupt(table_at, format!("table of chunks: {error}")))?;
    let (mut points, mut bytes) = (0u64, 0u64);
    for entry in &table {
        points = points.saturating_add(entry.point_count);
        bytes = bytes.saturating_add(entry.byte_count);
    }
    if points < header.count {
        return Err(PointsError::Truncated { found: points, announced: header.count });
    }
    if bytes > table_at - start - 8 {
        return Err(corrupt(table_at, format!("chunks of {bytes} bytes in {}", table_at - start - 8)));
    }
    Ok(table)
}

/// In formats 6 to 10 a chunk begins with its first point, a count and the sizes of its layers, which are read whole.
fn check_layers(
    header: &LasHeader,
    vlr: &LazVlr,
    table: &ChunkTable,
    file: &mut (impl Read + Seek),
    file_bytes: u64,
) -> Result<(), PointsError> {
    let layers: usize = vlr
        .items()
        .iter()
        .map(|item| match item.item_type() {
            LazItemType::Point14 => 9,
            LazItemType::RGBNIR14 => 2,
            LazItemType::Byte14(count) => usize::from(count),
            _ => 1,
        })
        .sum();
    let mut at = header.points_offset + 8;
    let mut head = vec![0; 4 + 4 * layers];
    for entry in table {
        let first = u64::from(header.point_bytes);
        let needed = first + head.len() as u64;
        if at.saturating_add(needed.max(entry.byte_count)) > file_bytes || entry.byte_count < first {
            return Err(corrupt(at, format!("a chunk of {} bytes", entry.byte_count)));
        }
        // A chunk of a single point has no layers worth checking, but has their sizes all the same.
        file.seek(SeekFrom::Start(at + first))?;
        file.read_exact(&mut head)?;
        let sizes =
            head[4..].chunks_exact(4).map(|b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        let sum: u64 = sizes.sum();
        if sum.saturating_add(needed) > entry.byte_count {
            return Err(corrupt(at, format!("layers of {sum} bytes in a chunk of {}", entry.byte_count)));
        }
        at += entry.byte_count;
    }
    Ok(())
}
