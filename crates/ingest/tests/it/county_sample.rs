//! The made-up county as its importers meet it.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    io::Cursor,
};

use ingest::{
    county_sample::{CountyOptions, CountySummary, Detail, write},
    osgb::{
        Container, Limits,
        raw::ImageData,
        scene::{Level, RangeMode, Scene, StepContent},
    },
};

type Files = BTreeMap<String, Vec<u8>>;

const OPTIONS: CountyOptions = CountyOptions { villages: 2, seed: 7, detail: Detail::Tiny };

fn made(options: &CountyOptions) -> (Files, CountySummary) {
    let mut files = Files::new();
    let summary = write(options, &mut |path, bytes| {
        let before = files.insert(path.to_owned(), bytes.to_vec());
        assert!(before.is_none(), "{path} is written twice");
        Ok(())
    })
    .unwrap();
    (files, summary)
}

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files[path].clone()).unwrap()
}

fn rows(files: &Files, path: &str) -> Vec<BTreeMap<String, String>> {
    let text = text(files, path);
    let mut lines = text.lines();
    let headers: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            let values: Vec<&str> = line.split(',').collect();
            assert_eq!(values.len(), headers.len(), "{path}: {line}");
            headers.iter().map(|h| (*h).to_owned()).zip(values.into_iter().map(str::to_owned)).collect()
        })
        .collect()
}

#[test]
fn a_county_is_whole_and_its_files_can_be_read() {
    let (files, summary) = made(&OPTIONS);
    assert_eq!(summary.villages, 2);
    truth_is_consistent(&files, &summary);
    meshes_are_sound(&files, &summary);
    clouds_are_sound(&files);
    rasters_are_sound(&files);
    footprints_match_the_truth(&files);
    layers_are_sound(&files);
    tables_are_flawed_as_the_truth_says(&files, &summary);
    the_guide_names_what_is_there(&files, &summary);
}

fn the_guide_names_what_is_there(files: &Files, summary: &CountySummary) {
    let readme = text(files, "README.txt");
    let mut named = 0;
    for words in readme.lines().filter_map(|line| line.trim().strip_prefix("hamlet import ")) {
        let deliveries = words.split(' ').take_while(|word| !word.starts_with("--"));
        for delivery in deliveries {
            named += 1;
            let parts: Vec<&str> = delivery.split('*').collect();
            let is_there =
                |path: &&String| path.starts_with(parts[0]) && parts.iter().all(|part| path.contains(part));
            assert!(files.keys().any(|path| is_there(&path)), "{delivery} is not there");
            assert!(!delivery.starts_with("truth"), "{delivery}");
        }
    }
    assert!(named >= 7 + 3 * summary.villages + 4, "{named}");
    let script = text(files, "import.sh");
    let all = script.lines().find_map(|line| line.strip_prefix("subjects=${*:-")).unwrap();
    let all: Vec<&str> = all.trim_end_matches('}').split(' ').collect();
    for subject in ingest::subject::Subject::ALL {
        let subject = subject.to_string();
        assert!(all.contains(&subject.split(':').next().unwrap()), "{subject} is not among {all:?}");
    }
    assert!(script.contains("--name 枫岚县 --code 359921") && !script.contains("truth"));
    let flight = text(files, "flight.txt");
    assert_eq!(flight.lines().count(), 4 * summary.villages);
    for line in flight.lines() {
        assert!(geodesy::CameraPose::parse(line, geodesy::WorldFrame::Earth).is_ok(), "{line}");
    }
}

fn buildings(files: &Files) -> Vec<serde_json::Value> {
    files
        .keys()
        .filter(|path| path.ends_with("buildings.json"))
        .flat_map(|path| {
            let json: serde_json::Value = serde_json::from_slice(&files[path]).unwrap();
            json["buildings"].as_array().unwrap().clone()
        })
        .collect()
}

fn truth_is_consistent(files: &Files, summary: &CountySummary) {
    let buildings = buildings(files);
    assert_eq!(buildings.len(), summary.buildings);
    let ids: BTreeSet<&str> = buildings.iter().map(|b| b["building_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), buildings.len(), "ids of buildings are unique");
    let addresses = rows(files, "truth/addresses.csv");
    assert_eq!(addresses.len(), summary.addresses);
    let address_ids: BTreeSet<&str> = addresses.iter().map(|a| a["address_id"].as_str()).collect();
    let texts: BTreeSet<&str> = addresses.iter().map(|a| a["address"].as_str()).collect();
    assert_eq!((address_ids.len(), texts.len()), (addresses.len(), addresses.len()));
    let sheds: BTreeSet<&str> = buildings
        .iter()
        .filter(|b| b["kind"] == "shed")
        .map(|b| b["building_id"].as_str().unwrap())
        .collect();
    assert!(!sheds.is_empty());
    let mut numbered = BTreeSet::new();
    for address in &addresses {
        let building = address["building_id"].as_str();
        assert!(ids.contains(building), "{address:?} has no building");
        assert!(!sheds.contains(building), "{address:?} is a shed");
        assert!(address["address"].ends_with('号') || address["address"].contains('号'));
        numbered.insert(building);
    }
    assert_eq!(numbered.len() + sheds.len(), ids.len(), "all but sheds have an address");
    for flaw in rows(files, "truth/flaws.csv") {
        assert!(address_ids.contains(flaw["address_id"].as_str()), "{flaw:?}");
    }
    for kind in ["trees", "ground"] {
        let path = files.keys().find(|path| path.ends_with(&format!("{kind}.geojson"))).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&files[path]).unwrap();
        assert!(json["features"].as_array().unwrap().len() > 20, "{kind}");
    }
    let officers: BTreeSet<String> =
        rows(files, "truth/rosters/officers.csv").into_iter().map(|row| row["officer_id"].clone()).collect();
    let units: BTreeSet<String> =
        rows(files, "truth/rosters/units.csv").into_iter().map(|row| row["unit_id"].clone()).collect();
    let shifts = rows(files, "truth/rosters/shifts.csv");
    assert!(shifts.len() >= 30 * units.len());
    for shift in &shifts {
        assert!(officers.contains(&shift["officer_id"]) && units.contains(&shift["unit_id"]), "{shift:?}");
    }
    assert!(shifts.iter().any(|shift| !shift["stand_in_for"].is_empty()));
}

fn meshes_are_sound(files: &Files, summary: &CountySummary) {
    let limits = Limits::default();
    let mut named = BTreeSet::new();
    let mut roots = BTreeSet::new();
    let mut pieces = 0;
    let present: BTreeSet<&String> = files.keys().filter(|path| path.ends_with(".osgb")).collect();
    for path in &present {
        let container = Container::open(path, &files[*path], &limits).unwrap();
        let raw = container.read(&limits).unwrap();
        assert_eq!(raw.trailing_bytes, 0);
        let scene = Scene::of(path, raw, &limits).unwrap();
        assert!(scene.issues.is_empty(), "{path}: {:?}", scene.issues);
        let (folder, name) = path.rsplit_once('/').unwrap();
        let level: Option<i32> = name.find("_L").map(|at| name[at + 2..at + 4].parse().unwrap());
        if level.is_none() {
            roots.insert((*path).clone());
        }
        for image in &scene.images {
            let ImageData::File(jpeg) = image.data else { panic!("{path}: not embedded") };
            assert!(jpeg.starts_with(&[0xff, 0xd8, 0xff]) && jpeg.ends_with(&[0xff, 0xd9]));
        }
        for lod in &scene.root.lods {
            pieces += 1;
            assert_eq!(lod.ranges, RangeMode::PixelSize);
            for step in &lod.steps {
                match &step.content {
                    StepContent::File(file) => {
                        let [from, _] = step.range.unwrap();
                        let error = 32.0 * lod.radius_m.unwrap() / from;
                        let wanted = f64::powi(2.0, 20 - level.unwrap_or(16));
                        assert!((error / wanted - 1.0).abs() < 1e-4, "{path}: {error} for {wanted}");
                        named.insert(format!("{folder}/{file}"));
                    }
                    StepContent::Inline(level) => level_is_sound(path, level),
                }
            }
        }
    }
    assert_eq!(roots.len(), summary.root_tiles);
    assert_eq!(pieces, summary.mesh_pieces);
    let reached: BTreeSet<&String> = named.iter().chain(&roots).collect();
    assert_eq!(reached, present, "every file is named by one that is there");
    let metadata: Vec<&String> = files.keys().filter(|path| path.ends_with("mesh/metadata.xml")).collect();
    assert_eq!(metadata.len(), 2);
    for path in metadata {
        let text = text(files, path);
        assert!(text.contains("<SRS>EPSG:4549</SRS>") && text.contains("<SRSOrigin>42"), "{text}");
    }
}

fn level_is_sound(path: &str, level: &Level<'_>) {
    assert_eq!(level.meshes.len(), 1);
    let mesh = &level.meshes[0];
    assert!(mesh.triangle_count() > 1 && mesh.image.is_some(), "{path}");
    let uvs = mesh.uvs.as_ref().unwrap().to_uvs_v_down();
    assert!(uvs.iter().flatten().all(|c| (0.0..=1.0).contains(c)), "{path}");
    // From above most of a skin faces up.
    let positions = mesh.positions.to_dvec3s();
    let (mut up, mut down) = (0.0, 0.0);
    for triangle in mesh.corners.chunks_exact(3) {
        let [a, b, c] = [triangle[0], triangle[1], triangle[2]].map(|i| positions[i as usize].truncate());
        let area = (b - a).perp_dot(c - a) / 2.0;
        if area > 0.0 { up += area } else { down -= area }
    }
    assert!(up > 500.0 && down < 0.35 * up, "{path}: {up} m² up, {down} m² down");
}

fn clouds_are_sound(files: &Files) {
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".las")) {
        let mut reader = las::Reader::new(Cursor::new(bytes.clone())).unwrap();
        let count = reader.header().number_of_points();
        assert!(count > 19_000, "{path}: {count}");
        let wkt = reader.header().get_wkt_crs_bytes().unwrap();
        assert!(geodesy::crs::Crs::parse(std::str::from_utf8(wkt).unwrap().trim_end_matches('\0')).is_ok());
        let bounds = reader.header().bounds();
        let mut classes: BTreeMap<u8, usize> = BTreeMap::new();
        let (mut low, mut high) = (f64::MAX, f64::MIN);
        let points = reader.read_points(count).unwrap();
        assert_eq!(points.len() as u64, count);
        for point in points.points() {
            let point = point.unwrap();
            *classes.entry(u8::from(point.classification)).or_default() += 1;
            assert!(point.color.is_some() && point.return_number <= point.number_of_returns);
            (low, high) = (low.min(point.x), high.max(point.x));
        }
        assert!((bounds.min.x - low).abs() < 0.01 && (bounds.max.x - high).abs() < 0.01);
        assert!((high - low - 256.0).abs() < 1.0, "{path}: {low} to {high}");
        for class in [2, 3, 5, 6, 9] {
            assert!(classes.get(&class).is_some_and(|n| *n > 50), "{path}: class {class} in {classes:?}");
        }
    }
}

fn rasters_are_sound(files: &Files) {
    use tiff::{decoder::Decoder, tags::Tag};
    let mut count = 0;
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".tif")) {
        count += 1;
        let mut decoder = Decoder::new(Cursor::new(bytes)).unwrap();
        let keys = decoder.get_tag_u16_vec(Tag::GeoKeyDirectoryTag).unwrap();
        assert!(keys.chunks_exact(4).any(|key| key == [3072, 0, 1, 4549]), "{path}: {keys:?}");
        let corner = decoder.get_tag_f64_vec(Tag::ModelTiepointTag).unwrap();
        assert!((400_000.0..500_000.0).contains(&corner[3]) && corner[4] > 3e6, "{path}: {corner:?}");
        let (width, height) = decoder.dimensions().unwrap();
        match decoder.read_image().unwrap() {
            tiff::decoder::DecodingResult::F32(heights) => {
                assert_eq!(heights.len(), (width * height) as usize);
                assert!(heights.iter().all(|z| (100.0..2000.0).contains(z)), "{path}");
            }
            tiff::decoder::DecodingResult::U8(rgb) => {
                assert_eq!(rgb.len(), (width * height) as usize * 3);
                let mean = rgb.iter().map(|c| f64::from(*c)).sum::<f64>() / rgb.len() as f64;
                assert!((50.0..190.0).contains(&mean), "{path}: {mean}");
            }
            other => panic!("{path}: {other:?}"),
        }
    }
    assert_eq!(count, 2 * 2 + 2);
}

fn footprints_match_the_truth(files: &Files) {
    let mut records = 0;
    for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".shp")) {
        let part = |extension: &str| files[&path.replace(".shp", extension)].clone();
        let shapes =
            shapefile::ShapeReader::with_shx(Cursor::new(bytes.clone()), Cursor::new(part(".shx"))).unwrap();
        let table = shapefile::dbase::Reader::new(Cursor::new(part(".dbf"))).unwrap();
        let mut reader = shapefile::Reader::new(shapes, table);
        for found in reader.iter_shapes_and_records() {
            let (shape, record) = found.unwrap();
            let shapefile::Shape::Polygon(polygon) = shape else { panic!("{path}: not a polygon") };
            let point = polygon.rings()[0].points()[0];
            assert!((40_400_000.0..40_500_000.0).contains(&point.x), "{path}: zone number");
            assert!(matches!(record.get("LX"), Some(shapefile::dbase::FieldValue::Character(Some(_)))));
            records += 1;
        }
        let prj = String::from_utf8(part(".prj")).unwrap();
        assert!(geodesy::crs::Crs::parse(&prj).is_ok(), "{prj}");
    }
    assert_eq!(records, buildings(files).len());
}

fn layers_are_sound(files: &Files) {
    let mut ids = BTreeSet::new();
    for layer in
        ["villages", "grids_police", "grids_governance", "grids_epidemic", "roads", "cameras", "places"]
    {
        let json: serde_json::Value =
            serde_json::from_slice(&files[&format!("layers/{layer}.geojson")]).unwrap();
        let features = json["features"].as_array().unwrap();
        assert!(features.len() >= 2, "{layer}");
        for feature in features {
            let properties = &feature["properties"];
            let id = properties["id"].as_str().or(properties["code"].as_str()).unwrap();
            assert!(ids.insert(format!("{layer} {id}")), "{layer}: {id} twice");
            let text = feature["geometry"]["coordinates"].to_string();
            let first: f64 = text.trim_start_matches('[').split(',').next().unwrap().parse().unwrap();
            assert!((119.0..119.9).contains(&first), "{layer}: {first}");
            if layer == "villages" {
                assert!(id.len() == 12 && id.starts_with("359921") && id.bytes().all(|b| b.is_ascii_digit()));
            }
        }
    }
}

fn tables_are_flawed_as_the_truth_says(files: &Files, summary: &CountySummary) {
    assert!(files["addresses/标准地址.xlsx"].starts_with(b"PK"));
    let (csv, _, had_errors) = encoding_rs::GB18030.decode(&files["addresses/标准地址.csv"]);
    assert!(!had_errors);
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert!(lines.len() > 10 && lines.len() < summary.addresses);
    assert!(lines.iter().all(|line| line.len() == lines[0].len()));
    let truth: BTreeMap<String, BTreeMap<String, String>> =
        rows(files, "truth/addresses.csv").into_iter().map(|row| (row["address_id"].clone(), row)).collect();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut flawed: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for flaw in rows(files, "truth/flaws.csv") {
        *kinds.entry(flaw["flaw"].clone()).or_default() += 1;
        if flaw["file"].ends_with(".csv") {
            flawed.entry(flaw["row"].parse().unwrap()).or_default().push(flaw["flaw"].clone());
        }
    }
    assert!(kinds.contains_key("gcj02") && kinds.len() >= 4, "{kinds:?}");
    for (row, line) in (2..).zip(&lines[1..]) {
        let flaws = flawed.get(&row).cloned().unwrap_or_default();
        let has = |kind: &str| flaws.iter().any(|flaw| flaw == kind);
        let truth = &truth[line[0]];
        let is_text_clean =
            !["missing_number", "traditional_character", "full_width_digits", "chinese_numerals"]
                .iter()
                .any(|kind| has(kind));
        assert_eq!(line[1] == truth["address"], is_text_clean, "row {row}: {} {flaws:?}", line[1]);
        if has("missing_point") {
            assert!(line[12].is_empty());
            continue;
        }
        let number = |text: &str| text.parse::<f64>().unwrap();
        let off = (number(line[12]) - number(&truth["lon"])).hypot(number(line[13]) - number(&truth["lat"]));
        let is_near = off < 0.000_16;
        let is_moved = has("gcj02") || has("swapped_coordinates");
        assert!(is_near != is_moved || has("shifted_point"), "row {row}: {off}° {flaws:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_county_on_any_number_of_threads() {
    let options = CountyOptions { villages: 1, seed: 11, detail: Detail::Tiny };
    let hashed = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let files = pool.install(|| made(&options).0);
        files
            .into_iter()
            .map(|(path, bytes)| {
                let mut hasher = DefaultHasher::new();
                bytes.hash(&mut hasher);
                (path, hasher.finish())
            })
            .collect::<BTreeMap<_, _>>()
    };
    let first = hashed(1);
    assert_eq!(first, hashed(3));
    let other = made(&CountyOptions { seed: 12, ..options }).0;
    let root = "Tile_+001_+001.osgb";
    let pick = |path: &&String| path.ends_with(root);
    assert!(first.keys().any(|path| path.ends_with(root)) && other.keys().find(pick).is_some());
    let changed = other.iter().find(|(path, _)| path.ends_with(root)).map(|(_, bytes)| {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        hasher.finish()
    });
    assert!(first.values().all(|hash| Some(*hash) != changed));
}

#[test]
fn a_refused_file_ends_it_with_its_name() {
    let error = write(&OPTIONS, &mut |path, _| {
        if path.ends_with("metadata.xml") { Err(std::io::Error::other("full")) } else { Ok(()) }
    })
    .unwrap_err();
    assert!(error.to_string().contains("metadata.xml"), "{error}");
}
