//! What the folder says about itself: what was delivered, how a county is made of it, where to look.

use std::fmt::Write;

use glam::Vec2;

use super::frame::{Frame, to_county};
use crate::county_sample::{CountySampleError, divisions::Division, names, site::Site};

/// Day of the flight, as surveys are named.
const SURVEY: &str = "2026-04-10";
/// As many villages are written out in the list of commands; the others go likewise.
const WRITTEN_OUT: usize = 12;

/// Where to look at a village.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// Lines as `--camera` takes them.
    cameras: Vec<String>,
}

impl Visit {
    pub(super) fn of(site: &Site, division: &Division, frame: &Frame) -> Result<Self, CountySampleError> {
        let middle = Vec2::splat(site.spec.side_m() / 2.0);
        let houses = site.buildings.len().max(1) as f32;
        let crowd = site.buildings.iter().map(|b| b.center).sum::<Vec2>() / houses;
        let at = middle.lerp(crowd, 0.6);
        let place = frame.lon_lat(to_county(site.south_west, at))?;
        let height = site.ground.at(at);
        // Around the village and down to it; each from another side than the one before.
        let turn = f64::from(division.spot as u32 % 3) * 40.0;
        let cameras =
            [(20.0, -33.0, 520.0), (75.0, -28.0, 330.0), (140.0, -22.0, 230.0), (200.0, -30.0, 420.0)]
                .into_iter()
                .map(|(heading, pitch, range): (f64, f64, f64)| {
                    let heading = (heading + turn) % 360.0;
                    format!("at:{:.6},{:.6},{height:.0},{heading:.0},{pitch:.0},{range:.0}", place.x, place.y)
                })
                .collect();
        Ok(Self { cameras })
    }
}

/// The files that tell, with their paths.
pub(super) fn files(divisions: &[Division], visits: &[Visit]) -> [(&'static str, String); 4] {
    let flight: String =
        visits.iter().flat_map(|visit| &visit.cameras).map(|camera| format!("{camera}\n")).collect();
    [
        ("交付说明.txt", note(divisions)),
        ("README.txt", readme(divisions)),
        (
            "import.sh",
            SCRIPT
                .replace("{name}", names::COUNTY)
                .replace("{code}", names::COUNTY_CODE)
                .replace("{survey}", SURVEY),
        ),
        ("flight.txt", flight),
    ]
}

/// What the folder holds, in the words of those who deliver.
fn note(divisions: &[Division]) -> String {
    let mut text = format!(
        "{}实景三维样例数据（虚构）\n\n\
         坐标系：CGCS2000 三度带高斯-克吕格，中央子午线 120°（EPSG:4549，东坐标不带带号）；房屋面矢量带带号 40（EPSG:4528）。\n\
         高程：CGCS2000 大地高（椭球高）。\n\n\
         villages/<区划代码>_<村名>/mesh        倾斜摄影三维模型（OSGB，ContextCapture 目录结构）\n\
         villages/<区划代码>_<村名>/points      分类点云（LAS 1.4）\n\
         villages/<区划代码>_<村名>/rasters     数字高程模型、正射影像（GeoTIFF）\n\
         villages/<区划代码>_<村名>/footprints  房屋面（Shapefile）\n\
         county     全县数字高程模型、正射影像（GeoTIFF）\n\
         layers     村界、网格、道路、监控、重点场所（GeoJSON，经纬度）\n\
         addresses  标准地址（XLSX、CSV）\n\
         truth      真值，仅供检验，不参与导入\n\n",
        names::COUNTY
    );
    for division in divisions {
        let _ = writeln!(text, "{}  {}", division.code, division.legal_name);
    }
    text
}

/// The same for those who import, with every command.
fn readme(divisions: &[Division]) -> String {
    let mut text = format!(
        "A made-up county, {} ({}), as survey companies and offices deliver one. Everything is invented.\n\n\
         villages/CODE_NAME/mesh        photogrammetry: OSGB in the layout of ContextCapture, EPSG:4549\n\
         villages/CODE_NAME/points      point cloud: LAS 1.4 with classes and colours, EPSG:4549\n\
         villages/CODE_NAME/rasters     elevation model and orthophoto: GeoTIFF, EPSG:4549\n\
         villages/CODE_NAME/footprints  buildings: Shapefile, EPSG:4528 (zone number 40 in the eastings)\n\
         county                         elevation model and orthophoto of the whole county\n\
         layers                         villages, three kinds of grids, roads, cameras, key places: GeoJSON\n\
         addresses                      standard addresses: Excel and CSV (GB 18030), with the flaws that real ones have\n\
         flight.txt                     a flight over the villages, for `hamlet fly COUNTY --path flight.txt`\n\
         truth                          what is true: solids of buildings, address to building, trees, ground, every\n\
         \x20                              flaw, rosters. For checking what was concluded; no import reads it.\n\n\
         All heights are above the ellipsoid (--height ellipsoidal). The survey was flown on {SURVEY}.\n\n\
         `sh import.sh COUNTY` makes a county of all this; `sh import.sh COUNTY mesh` of the meshes alone. It runs, from this\n\
         folder and in this order:\n\n",
        names::COUNTY,
        names::COUNTY_CODE
    );
    let mut line = |words: String| {
        let _ = writeln!(text, "  {words}");
    };
    line(format!("hamlet county new COUNTY --name {} --code {}", names::COUNTY, names::COUNTY_CODE));
    for (file, subject) in LAYERS {
        line(format!("hamlet import layers/{file}.geojson --county COUNTY --as {subject}"));
    }
    for division in divisions.iter().take(WRITTEN_OUT) {
        let folder = format!("villages/{}_{}", division.code, division.name);
        let key = format!("--county COUNTY --village {} --survey {SURVEY}", division.code);
        line(format!("hamlet import {folder}/mesh {key} --height ellipsoidal --ground-later"));
        line(format!("hamlet import {folder}/footprints/房屋面.shp --as buildings {key}"));
        line(format!(
            "hamlet import {folder}/points/{}.las {key} --height ellipsoidal --ground-later",
            division.code
        ));
    }
    if divisions.len() > WRITTEN_OUT {
        line(format!("… and so on for the other {} villages", divisions.len() - WRITTEN_OUT));
    }
    // Together: the ground is made once of all of them.
    line(
        "hamlet import county/*.tif villages/*/rasters/*.tif --county COUNTY --height ellipsoidal".to_owned(),
    );
    line(
        "hamlet import addresses/标准地址.xlsx addresses/标准地址.csv --as addresses --county COUNTY"
            .to_owned(),
    );
    text
}

/// Files of layers and what they are about.
const LAYERS: [(&str, &str); 7] = [
    ("villages", "villages"),
    ("grids_police", "grids:police"),
    ("grids_governance", "grids:governance"),
    ("grids_epidemic", "grids:epidemic"),
    ("roads", "roads"),
    ("cameras", "cameras"),
    ("places", "places"),
];

/// Runs the same commands; for any number of villages.
const SCRIPT: &str = r#"#!/bin/sh
# Makes a county of the deliveries beside this script:
#   sh import.sh COUNTY [SUBJECT ...]
# Subjects: villages grids roads cameras places mesh buildings points dem ortho addresses; without any, all of them.
# HAMLET names the program where it is not on the path. Run again, it goes on where it was.
set -eu
if [ $# -lt 1 ]; then
  echo "usage: sh import.sh COUNTY [SUBJECT ...]" >&2
  exit 2
fi
county=$1
shift
subjects=${*:-villages grids roads cameras places mesh buildings points dem ortho addresses}
hamlet=${HAMLET:-hamlet}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

wanted() {
  case " $subjects " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}

# 1 says that something in the data was reported and left out; all else was imported.
take() {
  status=0
  "$hamlet" import "$@" --county "$county" || status=$?
  if [ "$status" -gt 1 ]; then
    exit "$status"
  fi
}

# The ground is made once, of all rasters, and cut away under all meshes.
later=
if wanted dem || wanted ortho; then later=--ground-later; fi

[ -e "$county/county.toml" ] || "$hamlet" county new "$county" --name {name} --code {code}
if wanted villages; then take "$here/layers/villages.geojson" --as villages; fi
if wanted grids; then
  for kind in police governance epidemic; do
    take "$here/layers/grids_$kind.geojson" --as "grids:$kind"
  done
fi
for subject in roads cameras places; do
  if wanted "$subject"; then take "$here/layers/$subject.geojson" --as "$subject"; fi
done
for village in "$here"/villages/*/; do
  name=$(basename "$village")
  code=${name%%_*}
  if wanted mesh; then
    take "${village}mesh" --village "$code" --survey {survey} --height ellipsoidal $later
  fi
  if wanted buildings; then
    take "${village}footprints/房屋面.shp" --as buildings --village "$code" --survey {survey}
  fi
  if wanted points; then
    take "${village}points/$code.las" --village "$code" --survey {survey} --height ellipsoidal $later
  fi
done
set --
for subject in dem ortho; do
  if wanted "$subject"; then
    set -- "$@" "$here/county/$subject.tif" "$here"/villages/*/rasters/"$subject.tif"
  fi
done
[ $# -eq 0 ] || take "$@" --height ellipsoidal
if wanted addresses; then
  set -- "$here/addresses/标准地址.xlsx"
  [ ! -e "$here/addresses/标准地址.csv" ] || set -- "$@" "$here/addresses/标准地址.csv"
  take "$@" --as addresses
fi
"#;
