//! Fuzz targets of the readers of points. A short run with every `make test`; longer ones with
//! `BOLERO_RANDOM_TEST_TIME_MS=600000 BOLERO_RANDOM_ITERATIONS=1000000000 cargo test -p ingest --test it points::fuzz`.

use std::io::Cursor;

use bolero::TypeGenerator;
use ingest::points::{PlyFile, XyzFile, las::header::LasHeader};

use super::{all, las, made};

/// A change to a seed: random bytes alone would never get past a magic number.
#[derive(Clone, Debug, TypeGenerator)]
pub(crate) enum Edit {
    Byte { at: u32, value: u8 },
    Word { at: u32, value: u32 },
    Extreme { at: u32, which: u8 },
    Cut { at: u32 },
}

/// A seed with changes, three of four of them in its first `head` bytes.
pub(crate) fn edited(seed: &[u8], head: usize, edits: &[Edit]) -> Vec<u8> {
    const EXTREMES: [u32; 6] = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fffe];
    let mut bytes = seed.to_vec();
    for edit in edits.iter().take(12) {
        let len = bytes.len().max(1);
        let place = |at: u32| {
            if at.is_multiple_of(4) { (at / 4) as usize % len } else { (at / 4) as usize % len.min(head) }
        };
        let mut put = |at: usize, value: &[u8]| {
            bytes.iter_mut().skip(at).zip(value).for_each(|(slot, byte)| *slot = *byte);
        };
        match *edit {
            Edit::Byte { at, value } => put(place(at), &[value]),
            Edit::Word { at, value } => put(place(at), &value.to_le_bytes()),
            Edit::Extreme { at, which } => put(place(at), &EXTREMES[usize::from(which) % 6].to_le_bytes()),
            Edit::Cut { at } => bytes.truncate(at as usize % len),
        }
    }
    bytes
}

#[test]
fn las_headers() {
    let seeds: Vec<Vec<u8>> = [((1, 0), 1, false), ((1, 2), 3, true), ((1, 3), 3, false), ((1, 4), 7, true)]
        .map(|(v, f, c)| made(v, f, c, 20))
        .to_vec();
    bolero::check!().with_type::<(u8, Vec<Edit>)>().for_each(|(seed, edits)| {
        let bytes = edited(&seeds[usize::from(*seed) % seeds.len()], 400, edits);
        let len = bytes.len() as u64;
        if let Ok(header) = LasHeader::read(&mut Cursor::new(bytes), len) {
            assert!(header.points_offset <= len && header.point_bytes >= 20);
            assert!(header.laszip.is_some() || header.count * u64::from(header.point_bytes) <= len);
        }
    });
}

#[test]
fn las_points() {
    // What the decompressor is brought to by corrupt bytes is caught; the noise of it is not wanted here.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|at| at.file().contains("laz-")) {
            usual(panic);
        }
    }));
    let seeds: Vec<Vec<u8>> =
        [((1, 2), 3, true), ((1, 4), 7, true), ((1, 4), 6, true), ((1, 1), 0, true), ((1, 4), 8, false)]
            .map(|(v, f, c)| made(v, f, c, 60))
            .to_vec();
    bolero::check!().with_type::<(u8, Vec<Edit>)>().for_each(|(seed, edits)| {
        let bytes = edited(&seeds[usize::from(*seed) % seeds.len()], 900, edits);
        // Either an error, or as many points as were announced.
        if let Ok(mut file) = las(bytes) {
            let announced = file.header().count;
            if announced < 1_000_000
                && let Ok(points) = all(&mut file)
            {
                assert_eq!(points.len() as u64, announced);
            }
        }
    });
}

#[test]
fn text_and_ply() {
    let seeds = [
        b"1 2 3 4\n5 6 7 8\n".to_vec(),
        b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\nend_header\n1 2 3\n4 5 6\n".to_vec(),
        b"ply\nformat binary_little_endian 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty double z\nend_header\n0123456789abcdef".to_vec(),
    ];
    bolero::check!().with_type::<(u8, Vec<Edit>)>().for_each(|(seed, edits)| {
        let bytes = edited(&seeds[usize::from(*seed) % seeds.len()], 200, edits);
        if let Ok(mut file) = XyzFile::open(Cursor::new(bytes.clone())) {
            let _ = all(&mut file);
        }
        if let Ok(mut file) = PlyFile::open(Cursor::new(bytes)) {
            let _ = all(&mut file);
        }
    });
}
