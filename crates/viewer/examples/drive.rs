#![allow(missing_docs, reason = "a driver for trying things out")]
use std::path::PathBuf;
use viewer::*;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let get = |name: &str| args.iter().position(|a| a == name).and_then(|i| args.get(i + 1)).cloned();
    let size_px = get("--size").map_or([1280, 720], |s| {
        let (w, h) = s.split_once('x').unwrap();
        [w.parse().unwrap(), h.parse().unwrap()]
    });
    let memory_bytes = get("--memory").map_or(1 << 30, |m| m.parse::<u64>().unwrap() << 20);
    let sse = get("--sse").map_or(16.0, |m| m.parse().unwrap());
    match args[0].as_str() {
        "shot" => {
            let o = shot(&ShotOptions {
                what: args[1].clone(),
                out: PathBuf::from(get("--out").unwrap_or("/tmp/pics/shot.png".into())),
                camera: get("--camera"),
                size_px,
                memory_bytes,
                max_screen_space_error_px: sse,
                ..Default::default()
            });
            println!("{o:#?}");
        }
        "fly" => {
            let o = fly(&FlyOptions {
                what: args[1].clone(),
                size_px,
                memory_bytes,
                max_screen_space_error_px: sse,
                poses: get("--poses").map_or(120, |p| p.parse().unwrap()),
                picture: get("--out").map(PathBuf::from),
                ..Default::default()
            });
            match o {
                Ok(mut r) => {
                    if get("--all").is_none() {
                        for t in [&mut r.first_path, &mut r.second_path, &mut r.still, &mut r.upload] {
                            t.all.clear();
                        }
                    }
                    println!("{}", serde_json::to_string_pretty(&r).unwrap());
                }
                Err(e) => println!("{e}"),
            }
        }
        "view" => {
            let o = view(&ViewOptions {
                what: args[1].clone(),
                size_px,
                memory_bytes,
                camera: get("--camera"),
                lang: get("--lang"),
                ..Default::default()
            });
            println!("{o:?}");
        }
        other => println!("what is {other}?"),
    }
}
