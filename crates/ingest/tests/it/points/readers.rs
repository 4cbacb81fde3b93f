use std::io::Cursor;

use ingest::points::{PlyFile, PointSource, PointsError, XyzFile, las::header::RawHeader};

use super::{all, data, files, las, made};

/// Every point of every real file as the crate `las` reads it.
#[test]
fn real_files_read_as_another_reader_reads_them() {
    let Some(folder) = data("points") else { return };
    let mut compared = 0;
    for path in files(&folder, &["las", "laz"]) {
        let bytes = std::fs::read(&path).unwrap();
        let mut theirs = match ::las::Reader::new(Cursor::new(bytes.clone())) {
            Ok(reader) => reader,
            Err(error) => {
                println!(
                    "{}: the other reader says {error}; ours: {:?}",
                    path.display(),
                    las(bytes).map(|f| f.header().count)
                );
                continue;
            }
        };
        let mut ours = las(bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(ours.header().count, theirs.header().number_of_points());
        let found = all(&mut ours).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let wanted = theirs.read_all().unwrap();
        assert_eq!(found.len(), wanted.len(), "{}", path.display());
        let positions = wanted.x().zip(wanted.y()).zip(wanted.z());
        for (found, ((x, y), z)) in found.positions.iter().zip(positions) {
            assert_eq!(*found, [x, y, z], "{}", path.display());
        }
        assert!(found.classes.iter().copied().eq(wanted.classification()));
        assert!(found.intensities.iter().copied().eq(wanted.intensity()));
        let returns = wanted.return_number().zip(wanted.number_of_returns());
        assert!(found.is_last.iter().copied().eq(returns.map(|(n, of)| n >= of)));
        if let Some(colors) = wanted.rgb() {
            assert!(found.colors.iter().copied().eq(colors.map(|(r, g, b)| [r, g, b])));
        } else {
            assert!(found.colors.is_empty());
        }
        compared += 1;
    }
    assert!(compared >= 20, "only {compared} files were compared");
}

#[test]
fn headers_say_which_system_a_file_is_in() {
    let Some(folder) = data("points/mixed/laspy/data") else { return };
    let open = |name: &str| las(std::fs::read(folder.join(name)).unwrap()).unwrap();
    let with_keys = open("autzen_geo_proj.las");
    let keys = with_keys.info().geo_keys.clone().unwrap();
    println!("{:?} {:?} {:?}", keys.horizontal_epsg(), keys.citation(), keys.linear_unit_m());
    assert!(keys.model_type().is_some());
    let copc = open("simple.copc.laz");
    assert!(copc.header().is_copc && copc.header().version == (1, 4));
    assert!(open("simple1_4.las").header().laszip.is_none());
}

#[test]
fn every_version_format_and_compression_is_read() {
    for (version, formats) in
        [((1, 0), 0..=1), ((1, 1), 0..=1), ((1, 2), 0..=3), ((1, 3), 0..=3), ((1, 4), 0..=8)]
    {
        for format in formats.filter(|format| !matches!(format, 4 | 5)) {
            for is_compressed in [false, true] {
                let bytes = made(version, format, is_compressed, 1000);
                let raw = RawHeader::read(&bytes).unwrap();
                assert_eq!(raw.point_format & 0xc0 != 0, is_compressed);
                let mut file = las(bytes).unwrap();
                let points = all(&mut file).unwrap();
                assert_eq!(points.len(), 1000, "{version:?} {format} {is_compressed}");
                let angle: f64 = 9.99;
                let last = points.positions[999];
                assert!((last[0] - 400_000.0 - angle.cos() * 50.0).abs() < 6e-4, "{last:?}");
                assert!((last[2] - 109.99).abs() < 6e-4);
                assert_eq!((points.classes[10], points.intensities[10]), (3, 310));
                assert_eq!(points.is_last[..4], [false, false, true, false]);
                assert_eq!(points.colors.is_empty(), !super::has_color(format));
            }
        }
    }
}

#[test]
fn files_that_end_too_early_say_so() {
    for is_compressed in [false, true] {
        let whole = made((1, 2), 3, is_compressed, 2000);
        for share in [0.1, 0.3, 0.6, 0.95, 0.999] {
            let cut = whole[..(whole.len() as f64 * share) as usize].to_vec();
            let error = match las(cut) {
                Err(error) => error,
                Ok(mut file) => {
                    let error = all(&mut file).unwrap_err();
                    let again = all(&mut file).unwrap_err();
                    assert!(matches!(again, PointsError::Truncated { .. }), "{again}");
                    error
                }
            };
            assert!(!error.to_string().is_empty(), "{share}");
        }
    }
    assert!(matches!(las(b"LASF".to_vec()), Err(PointsError::Format { .. })));
    assert!(matches!(las(b"not this".to_vec()), Err(PointsError::Format { .. })));
}

#[test]
fn headers_that_lie_are_refused_with_the_place() {
    let whole = made((1, 4), 7, false, 100);
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = whole.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        las(changed).unwrap_err().to_string()
    };
    assert!(with(25, &[9]).contains("version 1.9"));
    assert!(with(94, &[10, 0]).starts_with("byte 94"));
    assert!(with(96, &u32::MAX.to_le_bytes()).starts_with("byte 96"));
    assert!(with(100, &u32::MAX.to_le_bytes()).starts_with("byte 100"));
    assert!(with(104, &[60]).contains("point format 60"));
    assert!(with(105, &[1, 0]).starts_with("byte 105"));
    assert!(with(131, &f64::NAN.to_le_bytes()).starts_with("byte 131"));
    // Two billion points in a file of some kilobytes.
    assert!(with(247, &2_000_000_000u64.to_le_bytes()).contains("2000000000"));
    // Compressed, says the format, but nothing says how.
    assert!(with(104, &[0x87]).starts_with("byte 104"));
}

#[test]
fn chunks_of_compressed_points_that_lie_are_refused() {
    for (version, format) in [((1, 2), 3), ((1, 4), 7)] {
        let whole = made(version, format, true, 3000);
        let offset = RawHeader::read(&whole).unwrap().points_offset as usize;
        let table = u64::from_le_bytes(whole[offset..offset + 8].try_into().unwrap()) as usize;
        let with = |at: usize, bytes: &[u8]| {
            let mut changed = whole.clone();
            changed[at..at + bytes.len()].copy_from_slice(bytes);
            las(changed).map(|_| ()).unwrap_err().to_string()
        };
        // A table of four billion entries, and a place for it beyond the end.
        assert!(with(table + 4, &u32::MAX.to_le_bytes()).contains("4294967295 chunks"));
        assert!(with(offset, &u64::MAX.to_le_bytes()).contains("chunks"));
        assert!(with(offset, &(whole.len() as u64 + 9).to_le_bytes()).contains("chunks"));
        if format == 7 {
            // The size of a layer.
            assert!(with(offset + 8 + 36 + 4, &u32::MAX.to_le_bytes()).contains("layers"));
        }
    }
}

#[test]
fn text_files_have_three_to_seven_columns() {
    let read = |text: &str| {
        let mut file = XyzFile::open(Cursor::new(text.as_bytes().to_vec()))?;
        all(&mut file)
    };
    let bare = read("x y z\n1 2 3\n4.5\t5;6.25\r\n\n7,8,9\n").unwrap();
    assert_eq!(bare.positions, [[1.0, 2.0, 3.0], [4.5, 5.0, 6.25], [7.0, 8.0, 9.0]]);
    assert!(bare.colors.is_empty() && bare.intensities.is_empty());
    let full = read("// 编号\n1 2 3 77 255 0 9\n4 5 6 99999 1 2 3").unwrap();
    assert_eq!(
        (full.intensities.clone(), full.colors.clone()),
        (vec![77, 65_535], vec![[255, 0, 9], [1, 2, 3]])
    );
    assert_eq!(read("1 2 3 10 20 30\n").unwrap().colors, [[10, 20, 30]]);
    assert_eq!(read("1 2 3 10\n").unwrap().intensities, [10]);
    let error = read("1 2 3\n4 5\n").unwrap_err();
    assert_eq!(error.to_string(), "byte 6: a line that is not 3 numbers");
    assert!(read("1 2 3\n4 5 x\n").is_err() && read("1 2 3\n4 nan 6\n").is_err());
    assert!(matches!(read("not numbers\n").unwrap_err(), PointsError::Format { .. }));
    assert!(matches!(read("").unwrap_err(), PointsError::Format { .. }));
    assert!(read(&"7".repeat(100_000)).is_err());
}

#[test]
fn ply_files_of_all_encodings_are_read() {
    let header = |format: &str, count: u32| {
        format!(
            "ply\nformat {format} 1.0\ncomment made\nelement vertex {count}\nproperty double x\nproperty double y\nproperty float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nproperty ushort intensity\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
        )
    };
    let vertices = [(1.5f64, -2.0f64, 3.25f32, [1u8, 2, 3], 500u16), (1e6, 2e6, -1.0, [255, 0, 128], 65_535)];
    for format in ["ascii", "binary_little_endian", "binary_big_endian"] {
        let mut bytes = header(format, 2).into_bytes();
        for (x, y, z, [r, g, b], i) in vertices {
            match format {
                "ascii" => bytes.extend(format!("{x} {y} {z} {r} {g} {b} {i}\n").bytes()),
                "binary_little_endian" => {
                    bytes.extend([x.to_le_bytes(), y.to_le_bytes()].concat());
                    bytes.extend(z.to_le_bytes());
                    bytes.extend([r, g, b]);
                    bytes.extend(i.to_le_bytes());
                }
                _ => {
                    bytes.extend([x.to_be_bytes(), y.to_be_bytes()].concat());
                    bytes.extend(z.to_be_bytes());
                    bytes.extend([r, g, b]);
                    bytes.extend(i.to_be_bytes());
                }
            }
        }
        let whole = bytes.clone();
        let points = all(&mut PlyFile::open(Cursor::new(bytes)).unwrap()).unwrap();
        assert_eq!(points.positions, [[1.5, -2.0, 3.25], [1e6, 2e6, -1.0]], "{format}");
        assert_eq!(points.colors, [[1, 2, 3], [255, 0, 128]]);
        assert_eq!(points.intensities, [500, 65_535]);
        let cut = whole[..whole.len() - 4].to_vec();
        let error = all(&mut PlyFile::open(Cursor::new(cut)).unwrap()).unwrap_err();
        assert!(matches!(error, PointsError::Truncated { announced: 2, .. }), "{error}");
    }
    for text in [
        "",
        "ply\n",
        "ply\nformat ascii 1.0\nend_header\n",
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1\n",
        "ply\nformat ascii 1.0\nelement vertex 1\nproperty quad x\nend_header\n",
    ] {
        assert!(PlyFile::open(Cursor::new(text.as_bytes().to_vec())).is_err(), "{text}");
    }
    // Four billion vertices in a file of none: reported, not believed.
    let claims = header("binary_little_endian", u32::MAX).into_bytes();
    assert!(all(&mut PlyFile::open(Cursor::new(claims)).unwrap()).is_err());
}
