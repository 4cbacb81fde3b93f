//! Writes everything, village by village.

use std::io;

use glam::{DVec2, Vec2};
use rayon::prelude::*;
use serde_json::json;

use super::{
    File,
    addresses::{self, Table},
    footprints,
    frame::{self, Frame},
    guide::{self, Visit},
    layers::{self, Layer},
    mesh, points,
    rasters::{self, Placement},
    truth,
};
use crate::county_sample::{
    CountyOptions, CountySampleError, CountySummary, Detail,
    divisions::{self, Division, GridKind, Town},
    land::Land,
    math::{Chance, seed_for},
    names,
    paint::Painter,
    site::{Site, Spec, StreetKind, TILE_M},
    skin::{self, BORDER_M, Picture, Tile},
};

/// Tiles that are made at a time: enough for many threads, and no more in memory than that.
const BATCH: usize = 16;
/// Side of a sample of the county's own elevation model, and how many of them are one pixel of its picture, for few
/// villages and for many, metres.
const COUNTY_CELL_M: [(f64, usize); 2] = [(10.0, 4), (20.0, 2)];
/// How far the county's rasters reach beyond its territory, metres.
const COUNTY_MARGIN_M: f64 = 600.0;

const WKT: &str = "PROJCS[\"CGCS2000 / 3-degree Gauss-Kruger CM 120E\",GEOGCS[\"China Geodetic Coordinate System 2000\",DATUM[\"China_2000\",SPHEROID[\"CGCS2000\",6378137,298.257222101]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433],AUTHORITY[\"EPSG\",\"4490\"]],PROJECTION[\"Transverse_Mercator\"],PARAMETER[\"latitude_of_origin\",0],PARAMETER[\"central_meridian\",120],PARAMETER[\"scale_factor\",1],PARAMETER[\"false_easting\",500000],PARAMETER[\"false_northing\",0],UNIT[\"metre\",1],AUTHORITY[\"EPSG\",\"4549\"]]";
const WKT_WITH_ZONE: &str = "PROJCS[\"CGCS2000_3_Degree_GK_Zone_40\",GEOGCS[\"GCS_China_Geodetic_Coordinate_System_2000\",DATUM[\"D_China_2000\",SPHEROID[\"CGCS2000\",6378137.0,298.257222101]],PRIMEM[\"Greenwich\",0.0],UNIT[\"Degree\",0.0174532925199433]],PROJECTION[\"Gauss_Kruger\"],PARAMETER[\"False_Easting\",40500000.0],PARAMETER[\"False_Northing\",0.0],PARAMETER[\"Central_Meridian\",120.0],PARAMETER[\"Scale_Factor\",1.0],PARAMETER[\"Latitude_Of_Origin\",0.0],UNIT[\"Meter\",1.0]]";

type Sink<'s> = &'s mut dyn FnMut(&str, &[u8]) -> io::Result<()>;

/// What the villages add to the county's files.
#[derive(Default)]
struct Gathered {
    roads: Layer,
    cameras: Layer,
    places: Layer,
    tables: [Table; 2],
    truth_addresses: String,
    flaws: Vec<addresses::Flaw>,
    /// Corner and side of each site, and the site from above in cells of the county's rasters.
    sites: Vec<(DVec2, f64)>,
    visits: Vec<Visit>,
    summary: CountySummary,
}

/// Writes a county; says after every batch of root tiles how many of how many there are.
pub(in crate::county_sample) fn write(
    options: &CountyOptions,
    sink: Sink<'_>,
    tell: &mut dyn FnMut(usize, usize),
) -> Result<CountySummary, CountySampleError> {
    let mut out = |file: File| {
        sink(&file.path, &file.bytes).map_err(|source| CountySampleError::Sink { path: file.path, source })
    };
    let spec = Spec::of(options.detail);
    let frame = Frame::open()?;
    let (land, spots) = Land::new(options.villages, options.seed);
    let (towns, divisions) = divisions::divide(&land, &spots, seed_for(options.seed, 2));
    let mut all = Gathered::default();
    all.tables[0].file = "addresses/标准地址.xlsx";
    all.tables[1].file = "addresses/标准地址.csv";
    let mut overview = Overview::natural(&land, COUNTY_CELL_M[usize::from(options.villages > 40)]);
    for (index, division) in divisions.iter().enumerate() {
        let seed = seed_for(options.seed, 1000 + index as u64);
        let mut site = Site::new(&land, &spots[division.spot], spec, seed);
        name_streets(&mut site, division, seed);
        let village = Village { site: &site, division, index, frame: &frame, seed, detail: options.detail };
        let total = divisions.len() * spec.tiles * spec.tiles;
        let mut tell = |done| tell(done, total);
        village.write(&mut out, &mut all, &mut overview, (&towns, &divisions), &mut tell)?;
    }
    county_files(options, &frame, &land, (&towns, &divisions), all, &overview, &mut out)
}

/// Names of streets: the road is called after the village, houses beyond the river stand in a hamlet.
fn name_streets(site: &mut Site, division: &Division, seed: u64) {
    let mut chance = Chance::new(seed_for(seed, 22));
    let mut lanes = names::lanes(seed_for(seed, 23), site.streets.len()).into_iter();
    let hamlet = names::hamlet(&mut chance);
    for (index, street) in site.streets.iter_mut().enumerate() {
        street.name = if index == 0 {
            format!("{}路", division.stem)
        } else if street.is_beyond {
            hamlet.clone()
        } else if street.has_houses {
            lanes.next().unwrap_or_default()
        } else {
            match street.kind {
                StreetKind::Track => "机耕路".to_owned(),
                _ => "溪桥路".to_owned(),
            }
        };
    }
}

struct Village<'v> {
    site: &'v Site,
    division: &'v Division,
    index: usize,
    frame: &'v Frame,
    seed: u64,
    detail: Detail,
}

impl Village<'_> {
    fn folder(&self) -> String {
        format!("villages/{}_{}", self.division.code, self.division.name)
    }

    fn write(
        &self,
        out: &mut dyn FnMut(File) -> Result<(), CountySampleError>,
        all: &mut Gathered,
        overview: &mut Overview,
        order: (&[Town], &[Division]),
        tell: &mut dyn FnMut(usize),
    ) -> Result<(), CountySampleError> {
        let (site, frame, folder) = (self.site, self.frame, self.folder());
        let painter = Painter::new(site);
        out(File { path: format!("{folder}/mesh/metadata.xml"), bytes: mesh::metadata(site).into_bytes() })?;
        let mut ortho = Ortho::new(site);
        let tiles = site.spec.tiles;
        let list: Vec<(usize, usize)> = (0..tiles * tiles).map(|i| (i % tiles, i / tiles)).collect();
        for batch in list.chunks(BATCH) {
            let made: Vec<(Tile, Vec<File>)> = batch
                .par_iter()
                .map(|(column, row)| {
                    let tile = skin::tile(&painter, *column, *row);
                    let files = mesh::files(site, &tile)?;
                    Ok((tile, files))
                })
                .collect::<Result<_, CountySampleError>>()?;
            for (tile, files) in made {
                ortho.add(&tile);
                all.summary.root_tiles += 1;
                all.summary.mesh_pieces += tile.levels.iter().map(|level| level.pieces.len()).sum::<usize>();
                all.summary.triangles += tile
                    .levels
                    .last()
                    .map_or(0, |level| level.pieces.iter().map(|piece| piece.indices.len() / 3).sum());
                for file in files {
                    out(File { path: format!("{folder}/mesh/{}", file.path), ..file })?;
                }
            }
            tell(all.summary.root_tiles);
        }
        let ortho = ortho.picture;
        let stem = format!("{folder}/footprints/房屋面");
        let (las, rasters) =
            rayon::join(|| points::las(&painter, &ortho, WKT), || site_rasters(site, &folder, &ortho));
        out(File { path: format!("{folder}/points/{}.las", self.division.code), bytes: las? })?;
        rasters?.into_iter().try_for_each(&mut *out)?;
        for file in footprints::files(site, &stem, WKT_WITH_ZONE)? {
            out(file)?;
        }
        overview.paste(site, &ortho);

        layers::streets(site, self.division, frame, &mut all.roads)?;
        layers::cameras(site, self.division, frame, &mut all.cameras, self.seed)?;
        layers::places(site, self.division, frame, &mut all.places, self.seed)?;
        let list = addresses::of_village(site, self.division, self.index, self.seed);
        let table = &mut all.tables[self.index % 2];
        all.flaws.extend(addresses::deliver(&list, order, frame, table, self.seed)?);
        truth::addresses(&list, order, frame, &mut all.truth_addresses)?;
        let truth_folder = format!("truth/{}", self.division.code);
        out(File {
            path: format!("{truth_folder}/buildings.json"),
            bytes: truth::buildings(site, self.division),
        })?;
        out(File { path: format!("{truth_folder}/trees.geojson"), bytes: truth::trees(site) })?;
        let cell_m = if self.detail == Detail::Full { 1.0 } else { 4.0 };
        out(File { path: format!("{truth_folder}/ground.geojson"), bytes: truth::ground(site, cell_m) })?;

        all.visits.push(Visit::of(site, self.division, frame)?);
        all.sites.push((site.south_west, f64::from(site.spec.side_m())));
        all.summary.villages += 1;
        all.summary.buildings += site.buildings.len();
        all.summary.addresses += list.len();
        for (kind, count) in truth::counts(&site.buildings) {
            *all.summary.kinds.entry(kind).or_default() += count;
        }
        Ok(())
    }
}

fn site_rasters(site: &Site, folder: &str, ortho: &Picture) -> Result<[File; 2], CountySampleError> {
    let [cell_m, _] = site.spec.raster_cell_m;
    let side_m = site.spec.side_m();
    let side = (side_m / cell_m) as usize;
    let north_west = frame::map(site.south_west) + DVec2::Y * f64::from(side_m);
    let values: Vec<f32> = (0..side * side)
        .map(|i| {
            let at = Vec2::new((i % side) as f32 + 0.5, side as f32 - (i / side) as f32 - 0.5) * cell_m;
            (site.ground.at(at) * 1000.0).round() / 1000.0
        })
        .collect();
    let placement = Placement { north_west, pixel_m: f64::from(cell_m) };
    let heights = rasters::heights(&values, side, placement)?;
    let pixel_m = f64::from(side_m) / ortho.width as f64;
    let picture = rasters::picture(ortho, Placement { north_west, pixel_m })?;
    Ok([
        File { path: format!("{folder}/rasters/dem.tif"), bytes: heights },
        File { path: format!("{folder}/rasters/ortho.tif"), bytes: picture },
    ])
}

/// The site from above, put together from the tiles.
struct Ortho {
    picture: Picture,
    /// Texels of a tile.
    tile: usize,
}

impl Ortho {
    fn new(site: &Site) -> Self {
        let texel_m = site.spec.raster_cell_m[1];
        let tile = (TILE_M / texel_m).round() as usize;
        Self { picture: Picture::new(tile * site.spec.tiles, tile * site.spec.tiles), tile }
    }

    fn add(&mut self, tile: &Tile) {
        let mut top = tile.top.clone();
        let wanted = ((TILE_M + 2.0 * BORDER_M) / TILE_M * self.tile as f32).round() as usize;
        while top.width > wanted {
            top = top.halved();
        }
        let border = (top.width - self.tile.min(top.width)) / 2;
        let inner = top.window(border, border, self.tile);
        let row = self.picture.height - (tile.row + 1) * self.tile;
        self.picture.put(&inner, tile.column * self.tile, row);
    }
}

/// The whole county in coarse cells: natural ground, with the sites pasted in.
struct Overview {
    north_west: DVec2,
    cell_m: f64,
    width: usize,
    heights: Vec<f32>,
    pixel_m: f64,
    picture: Picture,
}

impl Overview {
    /// `finer`: pixels of the picture along the side of a cell.
    fn natural(land: &Land, (cell_m, finer): (f64, usize)) -> Self {
        let extent = land.extent_m() + 2.0 * COUNTY_MARGIN_M;
        let (width, height) = ((extent.x / cell_m).ceil() as usize, (extent.y / cell_m).ceil() as usize);
        let north_west = DVec2::new(-COUNTY_MARGIN_M, height as f64 * cell_m - COUNTY_MARGIN_M);
        let heights: Vec<f32> = (0..width * height)
            .into_par_iter()
            .map(|i| (land.height_m(middle(north_west, i, width, cell_m)) * 100.0).round() / 100.0)
            .collect();
        let slopes: Vec<Vec2> = (0..width * height)
            .map(|i| {
                let (x, y) = (i % width, i / width);
                let z = |x: usize, y: usize| heights[y.min(height - 1) * width + x.min(width - 1)];
                // Differences to the neighbours in the east and in the north.
                let (west, north) = (x.saturating_sub(1), y.saturating_sub(1));
                Vec2::new(z(x + 1, y) - z(west, y), z(x, north) - z(x, y + 1)) / (2.0 * cell_m as f32)
            })
            .collect();
        let mut picture = Picture::new(width * finer, height * finer);
        let pixel_m = cell_m / finer as f64;
        let columns = picture.width;
        picture.rgb.par_iter_mut().enumerate().for_each(|(i, texel)| {
            // Between the middles of cells.
            let cell = |pixel: usize, most: usize| {
                let at = ((pixel as f32 + 0.5) / finer as f32 - 0.5).clamp(0.0, (most - 1) as f32);
                (at as usize, (at as usize + 1).min(most - 1), at.fract())
            };
            let ((west, east, u), (north, south, v)) = (cell(i % columns, width), cell(i / columns, height));
            let row = |y: usize| slopes[y * width + west].lerp(slopes[y * width + east], u);
            let slope = row(north).lerp(row(south), v);
            *texel =
                crate::county_sample::paint::from_afar(land, middle(north_west, i, columns, pixel_m), slope);
        });
        Self { north_west, cell_m, width, heights, pixel_m, picture }
    }

    /// Puts a site in, as the mean of what lies in each cell.
    fn paste(&mut self, site: &Site, ortho: &Picture) {
        let side_m = f64::from(site.spec.side_m());
        // South-western corner of a cell in the site's frame, if the cell lies in the site.
        let inside = |i: usize, width: usize, cell_m: f64| {
            let low = middle(self.north_west, i, width, cell_m) - cell_m / 2.0 - site.south_west;
            (low.min_element() >= 0.0 && low.max_element() + cell_m <= side_m).then_some(low)
        };
        for (i, height) in self.heights.iter_mut().enumerate() {
            if let Some(low) = inside(i, self.width, self.cell_m) {
                let at = low.as_vec2() + self.cell_m as f32 / 2.0;
                *height = (site.ground.at(at) * 100.0).round() / 100.0;
            }
        }
        let texel_m = side_m / ortho.width as f64;
        let texels = (self.pixel_m / texel_m).floor().max(1.0) as usize;
        let columns = self.picture.width;
        for (i, pixel) in self.picture.rgb.iter_mut().enumerate() {
            let Some(low) = inside(i, columns, self.pixel_m) else { continue };
            let (column, row) =
                ((low.x / texel_m) as usize, ((side_m - low.y - self.pixel_m) / texel_m) as usize);
            let mut sum = [0_u32; 3];
            let mut count = 0;
            for y in row..(row + texels).min(ortho.height) {
                for x in column..(column + texels).min(ortho.width) {
                    for (sum, channel) in sum.iter_mut().zip(ortho.rgb[y * ortho.width + x]) {
                        *sum += u32::from(channel);
                    }
                    count += 1;
                }
            }
            *pixel = sum.map(|sum| (sum / count.max(1)) as u8);
        }
    }
}

/// The middle of a cell of a raster, the northernmost row first.
fn middle(north_west: DVec2, i: usize, width: usize, cell_m: f64) -> DVec2 {
    north_west + DVec2::new((i % width) as f64 + 0.5, -((i / width) as f64 + 0.5)) * cell_m
}

fn county_files(
    options: &CountyOptions,
    frame: &Frame,
    land: &Land,
    (towns, divisions): (&[Town], &[Division]),
    mut all: Gathered,
    overview: &Overview,
    out: &mut dyn FnMut(File) -> Result<(), CountySampleError>,
) -> Result<CountySummary, CountySampleError> {
    let mut file = |path: &str, bytes: Vec<u8>| out(File { path: path.to_owned(), bytes });
    let north_west = frame::map(overview.north_west);
    let placement = Placement { north_west, pixel_m: overview.cell_m };
    file("county/dem.tif", rasters::heights(&overview.heights, overview.width, placement)?)?;
    let placement = Placement { north_west, pixel_m: overview.pixel_m };
    file("county/ortho.tif", rasters::picture(&overview.picture, placement)?)?;
    file("layers/villages.geojson", layers::villages(towns, divisions, frame)?.file())?;
    let mut governance = Vec::new();
    for kind in GridKind::ALL {
        let cells = divisions::grids(divisions, kind, seed_for(options.seed, 3));
        let layer = layers::grid(&cells, divisions, frame)?;
        file(&format!("layers/grids_{}.geojson", kind.word()), layer.file())?;
        if kind == GridKind::Governance {
            governance = cells;
        }
    }
    layers::county_roads(land, &all.sites, frame, &mut all.roads)?;
    file("layers/roads.geojson", all.roads.file())?;
    file("layers/cameras.geojson", all.cameras.file())?;
    file("layers/places.geojson", all.places.file())?;
    let [xlsx, csv] = &all.tables;
    file(xlsx.file, addresses::xlsx(xlsx)?)?;
    if !csv.rows.is_empty() {
        file(csv.file, addresses::csv(csv))?;
    }
    file("truth/addresses.csv", all.truth_addresses.into_bytes())?;
    file("truth/flaws.csv", truth::flaws(&all.flaws).into_bytes())?;
    let [officers, units, shifts] = truth::rosters(towns, divisions, &governance, seed_for(options.seed, 4));
    file("truth/rosters/officers.csv", officers.into_bytes())?;
    file("truth/rosters/units.csv", units.into_bytes())?;
    file("truth/rosters/shifts.csv", shifts.into_bytes())?;
    let about = json!({
        "county": names::COUNTY,
        "code": names::COUNTY_CODE,
        "seed": options.seed,
        "villages": divisions.iter().map(|d| json!({ "code": d.code, "name": d.name })).collect::<Vec<_>>(),
        "crs": "EPSG:4549",
        "heights": "ellipsoidal",
        "buildings": all.summary.buildings,
        "addresses": all.summary.addresses,
        "flaws": all.flaws.len(),
    });
    file("truth/county.json", format!("{about:#}\n").into_bytes())?;
    for (path, text) in guide::files(divisions, &all.visits) {
        file(path, text.into_bytes())?;
    }
    Ok(all.summary)
}
