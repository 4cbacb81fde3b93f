//! The commands from outside: what they say and how they end.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use crate::window::hill;

fn hamlet(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_hamlet")).args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// A border, a village, a house and two cameras.
const VECTORS: [(&str, &str); 4] = [
    (
        "border.geojson",
        r#"{"type":"Feature","properties":{"name":"柘荣县"},"geometry":{"type":"Polygon","coordinates":
        [[[119.8,27.1],[120.0,27.1],[120.0,27.3],[119.8,27.3],[119.8,27.1]]]}}"#,
    ),
    (
        "villages.geojson",
        r#"{"type":"Feature","properties":{"code":"350926001001","name":"溪坪"},"geometry":{"type":"Polygon","coordinates":
        [[[119.89,27.19],[119.91,27.19],[119.91,27.21],[119.89,27.21],[119.89,27.19]]]}}"#,
    ),
    (
        "houses.geojson",
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"层数":2},"geometry":{"type":"Polygon",
        "coordinates":[[[119.9,27.2],[119.9001,27.2],[119.9001,27.2001],[119.9,27.2001],[119.9,27.2]]]}}]}"#,
    ),
    ("cameras.csv", "名称,经度,纬度,方位角\n甲,119.9,27.2,90\n乙,24.9,60.1,0\n"),
];

#[test]
fn exit_codes_are_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for name in ["sound", "broken", "nothing"] {
        std::fs::create_dir(at.join(name)).unwrap();
    }
    hill(&at.join("sound"));
    hill(&at.join("broken"));
    std::fs::write(at.join("broken/hill.glb"), b"<html>not found</html>").unwrap();
    std::fs::write(at.join("table.csv"), "编号,标准地址\n1,溪坪街12号\n1,溪坪街14号\n").unwrap();
    std::fs::write(at.join("fine.csv"), "编号,标准地址\n1,双城镇溪坪社区溪坪街12号\n").unwrap();
    let import = |crs: &'static str| {
        let mut words = vec!["import", "model.obj", "--county", "county", "--village", "350926001001"];
        words.extend(["--survey", "2026-05-01", "--crs", crs, "--origin", "490000,3013000"]);
        words
    };
    let houses = |village: &'static str| {
        let mut words = vec!["import", "houses.geojson", "--county", "k"];
        words.extend(["--village", village, "--survey", "2026-05-01"]);
        words
    };
    std::fs::write(at.join("model.obj"), "v 0 0 0\nv 9 0 0\nv 0 9 0\nf 1 2 3\n").unwrap();
    for (name, text) in VECTORS {
        std::fs::write(at.join(name), text).unwrap();
    }
    let cases: &[(i32, Vec<&str>)] = &[
        (0, vec!["inspect", "sound"]),
        (0, vec!["inspect", "sound", "--json"]),
        (1, vec!["inspect", "broken"]),
        (3, vec!["inspect", "nothing"]),
        (3, vec!["inspect", "nowhere"]),
        (2, vec!["inspect"]),
        (2, vec!["shot", "sound"]),
        (2, vec!["shot", "sound", "--out", "x.png", "--fov", "0"]),
        (2, vec!["view", "sound", "--lang", "fr"]),
        (3, vec!["shot", "sound", "--out", "nowhere/x.png"]),
        (2, vec!["shot", "sound", "--out", "x.jpg"]),
        (2, vec!["shot", "sound", "--out", "x.png", "--header", "no colon"]),
        (2, vec!["import", "model.obj", "--county", "county", "--as", "houses"]),
        (2, vec!["import", "model.obj", "--county", "county"]),
        (3, vec!["fly", "sound", "--json", "nowhere/x.json"]),
        (3, vec!["sample", "sound"]),
        (3, vec!["sample", "sound", "--hillside"]),
        (2, vec!["sample", "new", "--hillside", "--villages", "2"]),
        (2, vec!["sample", "new", "--villages", "0"]),
        (0, vec!["county", "new", "county", "--name", "柘荣县", "--code", "350926"]),
        (3, vec!["county", "new", "county", "--name", "柘荣县", "--code", "350926"]),
        (2, vec!["county", "new", "other", "--name", "x", "--code", "12"]),
        (2, import("EPSG:4549")),
        (0, vec!["survey", "list", "county"]),
        (3, vec!["survey", "use", "county", "350926001001", "2026-05-01"]),
        (1, vec!["address", "import", "table.csv", "--out", "addresses"]),
        (0, vec!["address", "import", "fine.csv", "--out", "addresses"]),
        (0, vec!["address", "search", "addresses", "xpj12"]),
        (1, vec!["address", "search", "addresses", "天安门"]),
        (0, vec!["address", "stats", "addresses", "--json"]),
        (3, vec!["address", "stats", "fine.csv"]),
        (
            0,
            vec!["county", "new", "k", "--name", "柘荣县", "--code", "350926", "--borders", "border.geojson"],
        ),
        (0, vec!["import", "villages.geojson", "--county", "k"]),
        // One of the cameras lies in Helsinki.
        (1, vec!["import", "cameras.csv", "--county", "k", "--as", "cameras"]),
        (2, vec!["import", "cameras.csv", "--county", "k", "--as", "cameras", "--column", "colour=x"]),
        (0, houses("350926001001")),
        (3, houses("350926001009")),
        (2, vec!["import", "houses.geojson", "--county", "k", "--as", "buildings"]),
        (0, vec!["survey", "lineage", "k"]),
        (3, vec!["survey", "lineage", "k", "350926001001", "--answer", "1"]),
        (0, vec!["import", "fine.csv", "--county", "k"]),
        (2, vec!["import", "border.geojson", "--county", "k"]),
    ];
    for (expected, words) in cases {
        let (code, out, error) = hamlet(at, words);
        assert_eq!(code, *expected, "{words:?}\n{out}\n{error}");
        assert!(!error.contains("panicked"), "{words:?}\n{error}");
        if *expected >= 2 {
            assert!(!error.trim().is_empty(), "{words:?} says nothing");
        }
    }
    // A dead display is said to be one.
    let view = Command::new(env!("CARGO_BIN_EXE_hamlet"))
        .args(["view", "sound"])
        .current_dir(at)
        .env("DISPLAY", ":4711")
        .output()
        .unwrap();
    if cfg!(target_os = "linux") {
        let error = String::from_utf8_lossy(&view.stderr).into_owned();
        assert_eq!(view.status.code(), Some(3), "{error}");
        assert!(error.contains(":4711") && !error.contains("panicked"), "{error}");
    }
}

/// A server that answers so many requests, and then no more.
fn server(folder: &Path, answers: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/tileset.json", listener.local_addr().unwrap());
    let folder = folder.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(answers) {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            let path = line.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
            let body = std::fs::read(folder.join(path)).unwrap();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        }
    });
    address
}

#[test]
fn what_cannot_be_had_is_no_fault_of_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    hill(at);
    if hamlet(at, &["shot", ".", "--out", "fine.png"]).0 != 0 {
        println!("skipped: nothing can be drawn here");
        return;
    }
    let (code, _, error) = hamlet(at, &["shot", ".", "--out", "low.png", "--memory", "20K"]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("--memory") && !error.contains("problems"), "{error}");
    let address = server(at, 1);
    let (code, _, error) = hamlet(at, &["shot", &address, "--out", "lost.png"]);
    assert_eq!(code, 3, "{error}");
    let content = address.replace("tileset.json", "hill.glb");
    assert!(error.contains(&content) && !error.contains("problems in the data"), "{error}");
    let (code, _, error) = hamlet(at, &["inspect", &server(at, 1)]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("not whole"), "{error}");
    std::fs::write(at.join("path.txt"), "\u{feff}# a path\n0,0,100,0,-90\nx\n").unwrap();
    let (code, _, error) = hamlet(at, &["fly", ".", "--path", "path.txt"]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("path.txt: line 3"), "{error}");
}

#[test]
fn reports_for_programs_are_json() {
    let folder = tempfile::tempdir().unwrap();
    hill(folder.path());
    let (_, report, _) = hamlet(folder.path(), &["inspect", ".", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["summary"]["tiles"], 1);
    std::fs::write(
        folder.path().join("a.csv"),
        "编号,标准地址,经度,纬度\n7,双城镇溪坪社区溪坪街12号,119.9,27.2\n",
    )
    .unwrap();
    let words = ["address", "import", "a.csv", "--out", "a", "--code", "350926", "--json"];
    let (code, report, _) = hamlet(folder.path(), &words);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((code, &report["imported"], &report["withPosition"]), (0, &1.into(), &1.into()));
    let (_, hits, _) = hamlet(folder.path(), &["address", "search", "a", "溪坪街12号", "--json"]);
    let hits: serde_json::Value = serde_json::from_str(&hits).unwrap();
    assert_eq!((&hits[0]["id"], &hits[0]["number"]), (&"7".into(), &"exact".into()));
    let lon = hits[0]["lonLat"][0].as_f64().unwrap();
    assert!((lon - 119.9).abs() < 1e-5, "{lon}");
}

#[test]
fn a_sample_becomes_a_county_by_its_own_script() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let words = ["sample", "deliveries", "--villages", "1", "--detail", "tiny"];
    let (code, out, error) = hamlet(at, &words);
    assert_eq!(code, 0, "{out}\n{error}");
    let (code, out, _) = hamlet(at, &words);
    assert!(code == 0 && out.contains("there already"), "{out}");
    let script = Command::new("sh")
        .args(["deliveries/import.sh", "county", "mesh"])
        .current_dir(at)
        .env("HAMLET", env!("CARGO_BIN_EXE_hamlet"))
        .output();
    let Ok(script) = script else {
        eprintln!("skipped: there is no sh");
        return;
    };
    assert!(script.status.success(), "{}", String::from_utf8_lossy(&script.stderr));
    let (code, list, _) = hamlet(at, &["survey", "list", "county"]);
    assert!(code == 0 && list.starts_with("* 3599211"), "{list}");
}
