//! Packing a folder into a `.3tz` (zip with the index `@3dtilesIndex1@` as its last entry; zip64 where needed).

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::Path,
};

use flate2::{Crc, write::DeflateEncoder};
use md5::{Digest, Md5};

use super::AtomicFile;
use crate::{archive::INDEX_NAME, folder::Folder};

/// How the entries of a package are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As they are: right for tiles, whose textures and meshes are compressed already.
    #[default]
    Stored,
    /// Deflate.
    Deflate,
    /// Zstandard.
    Zstd,
}

/// What was packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackageReport {
    /// Files, the index not counted.
    pub files: u64,
    /// Bytes in these files.
    pub plain_bytes: u64,
    /// Length of the package.
    pub package_bytes: u64,
}

/// A single file may not be longer: a tile of this size could not be shown anyway.
const MAX_FILE_BYTES: u64 = 1 << 30;
/// No date: packages of the same files are the same bytes.
const DOS_DATE: u16 = 1 << 5 | 1;

/// Packs all files below `folder`, `tileset.json` first, the others by path, and puts the package at `package` when it
/// is whole. Symbolic links and what is left of killed writers are not packed.
///
/// # Errors
/// `InvalidInput` if `folder` has no `tileset.json`, a file is longer than 1 GiB or a path longer than 65,535 bytes.
pub fn package_3tz(folder: &Path, package: &Path, compression: Compression) -> io::Result<PackageReport> {
    let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidInput, message);
    let source = Folder::open(folder)?;
    let mut files = source.list()?;
    files.retain(|file| !file.path.rsplit('/').next().is_some_and(super::is_temporary_name));
    files.retain(|file| file.path != INDEX_NAME);
    files.sort_by_key(|file| (file.path != "tileset.json", file.path.clone()));
    if files.first().is_none_or(|file| file.path != "tileset.json") {
        return Err(invalid(format!("{}: no tileset.json", folder.display())));
    }
    let mut zip = ZipWriter::new(BufWriter::new(AtomicFile::create(package)?));
    let mut index = Vec::with_capacity(files.len());
    let mut plain_bytes = 0;
    for file in &files {
        // The package itself may be written into the folder it is made of; it has a temporary name then.
        let mut bytes = Vec::new();
        let path = source.root().join(&file.path);
        File::open(&path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return Err(invalid(format!("{}: longer than {MAX_FILE_BYTES} bytes", path.display())));
        }
        plain_bytes += bytes.len() as u64;
        let hash: [u8; 16] = Md5::digest(file.path.as_bytes()).into();
        index.push((hash, zip.add(&file.path, &bytes, compression)?));
    }
    index.sort_by_key(|(hash, _)| crate::archive::index_sort_key(hash));
    let records: Vec<u8> =
        index.iter().flat_map(|(hash, offset)| hash.iter().copied().chain(offset.to_le_bytes())).collect();
    zip.add(INDEX_NAME, &records, Compression::Stored)?;
    let (writer, package_bytes) = zip.finish()?;
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.commit()?;
    Ok(PackageReport { files: files.len() as u64, plain_bytes, package_bytes })
}

struct ZipWriter<W: Write> {
    writer: W,
    offset: u64,
    entries: u64,
    directory: Vec<u8>,
}

impl<W: Write> ZipWriter<W> {
    fn new(writer: W) -> Self {
        Self { writer, offset: 0, entries: 0, directory: Vec::new() }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Writes an entry and returns the offset of its local header.
    fn add(&mut self, path: &str, plain: &[u8], compression: Compression) -> io::Result<u64> {
        let too_long = |_| io::Error::new(io::ErrorKind::InvalidInput, format!("{path}: too long"));
        let packed;
        let (method, version, data): (u16, u16, &[u8]) = match compression {
            Compression::Stored => (0, 10, plain),
            Compression::Deflate => {
                let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(plain)?;
                packed = encoder.finish()?;
                (8, 20, &packed)
            }
            Compression::Zstd => {
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                packed = ruzstd::encoding::compress_to_vec(plain, level);
                (93, 63, &packed)
            }
        };
        let mut crc = Crc::new();
        crc.update(plain);
        let name_bytes = u16::try_from(path.len()).map_err(too_long)?;
        let data_bytes = u32::try_from(data.len()).map_err(too_long)?;
        let plain_bytes = u32::try_from(plain.len()).map_err(too_long)?;
        // Names are UTF-8 (flag bit 11).
        let mut common = Vec::with_capacity(26);
        for word in [version, 1 << 11, method, 0, DOS_DATE] {
            common.extend_from_slice(&word.to_le_bytes());
        }
        for word in [crc.sum(), data_bytes, plain_bytes] {
            common.extend_from_slice(&word.to_le_bytes());
        }
        common.extend_from_slice(&name_bytes.to_le_bytes());
        let header_offset = self.offset;
        self.put(b"PK\x03\x04")?;
        self.put(&common)?;
        self.put(&[0, 0])?;
        self.put(path.as_bytes())?;
        self.put(data)?;

        let (short_offset, extra) = match u32::try_from(header_offset) {
            Ok(offset) if offset != u32::MAX => (offset, Vec::new()),
            _ => (u32::MAX, [&[1, 0, 8, 0], header_offset.to_le_bytes().as_slice()].concat()),
        };
        let directory = &mut self.directory;
        directory.extend_from_slice(b"PK\x01\x02");
        // Made by: version 6.3 on Unix, whose attributes follow.
        directory.extend_from_slice(&[63, 3]);
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[extra.len() as u8, 0]);
        directory.extend_from_slice(&[0; 6]);
        directory.extend_from_slice(&(0o100_644_u32 << 16).to_le_bytes());
        directory.extend_from_slice(&short_offset.to_le_bytes());
        directory.extend_from_slice(path.as_bytes());
        directory.extend_from_slice(&extra);
        self.entries += 1;
        Ok(header_offset)
    }

    /// Writes directory and end records; returns the writer and the length of the archive.
    fn finish(mut self) -> io::Result<(W, u64)> {
        let directory = std::mem::take(&mut self.directory);
        let (directory_offset, directory_bytes) = (self.offset, directory.len() as u64);
        self.put(&directory)?;
        let short = (
            u16::try_from(self.entries).ok().filter(|count| *count != u16::MAX),
            u32::try_from(directory_bytes).ok().filter(|bytes| *bytes != u32::MAX),
            u32::try_from(directory_offset).ok().filter(|offset| *offset != u32::MAX),
        );
        if !matches!(short, (Some(_), Some(_), Some(_))) {
            let end64_offset = self.offset;
            self.put(b"PK\x06\x06")?;
            self.put(&44_u64.to_le_bytes())?;
            self.put(&[63, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0])?;
            for value in [self.entries, self.entries, directory_bytes, directory_offset] {
                self.put(&value.to_le_bytes())?;
            }
            self.put(b"PK\x06\x07\0\0\0\0")?;
            self.put(&end64_offset.to_le_bytes())?;
            self.put(&1_u32.to_le_bytes())?;
        }
        let entries = short.0.unwrap_or(u16::MAX).to_le_bytes();
        self.put(b"PK\x05\x06\0\0\0\0")?;
        self.put(&entries)?;
        self.put(&entries)?;
        self.put(&short.1.unwrap_or(u32::MAX).to_le_bytes())?;
        self.put(&short.2.unwrap_or(u32::MAX).to_le_bytes())?;
        self.put(&[0, 0])?;
        self.writer.flush()?;
        Ok((self.writer, self.offset))
    }
}
