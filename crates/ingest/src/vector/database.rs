//! Vector tables in SQLite: GeoPackage, SpatiaLite, and databases as GDAL writes them.
//!
//! Only plain tables are read: a view or a virtual table could run whatever the file says, for as long as it likes.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, limits::Limit, types::ValueRef};
use serde_json::{Number, Value};

use super::{MAX_FILE_BYTES, Raw, RawFeature, VectorError, cursor::Budget, wkb};

/// Longer values are refused.
const MAX_VALUE_BYTES: i32 = 256 << 20;

/// A table with a geometry.
#[derive(Clone, Debug)]
struct Layer {
    table: String,
    column: String,
    srs: i64,
}

/// Reads a table of a database; `layer` chooses where there are several.
pub(super) fn read(path: &Path, layer: Option<&str>) -> Result<Raw, VectorError> {
    let corrupt =
        |error: rusqlite::Error| VectorError::Corrupt { format: "SQLite", reason: error.to_string() };
    let found =
        std::fs::metadata(path).map_err(|source| VectorError::Io { path: path.to_owned(), source })?.len();
    if found > MAX_FILE_BYTES {
        return Err(VectorError::TooLarge { what: "the file", found, max: MAX_FILE_BYTES });
    }
    let connection = open(path).map_err(corrupt)?;
    let layers = layers(&connection).map_err(corrupt)?;
    let layer = choose(&layers, layer, path)?;
    let sql: Option<Option<String>> = connection
        .query_row(
            "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1",
            [&layer.table],
            |row| row.get(0),
        )
        .optional()
        .map_err(corrupt)?;
    let is_plain = |sql: &str| sql.trim_start().to_ascii_uppercase().starts_with("CREATE TABLE");
    if !sql.flatten().is_some_and(|sql| is_plain(&sql)) {
        return Err(VectorError::Corrupt {
            format: "SQLite",
            reason: format!("{:?} is no plain table", layer.table),
        });
    }
    let mut raw = Raw { crs: srs(&connection, layer.srs).map_err(corrupt)?, ..Raw::default() };
    raw.is_degrees = raw.crs.is_none() && matches!(layer.srs, 4326 | 4490);
    rows(&connection, layer, &mut raw, corrupt)?;
    Ok(raw)
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    // Nobody writes while it is read; so it can be read from a disk that cannot be written.
    let is_written = ["-wal", "-journal"].iter().any(|suffix| {
        let mut beside = path.to_owned().into_os_string();
        beside.push(suffix);
        PathBuf::from(beside).metadata().is_ok_and(|metadata| metadata.len() > 0)
    });
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match path.to_str().filter(|path| !is_written && !path.contains(['%', '?', '#'])) {
        Some(path) => Connection::open_with_flags(
            format!("file:{path}?immutable=1"),
            flags | OpenFlags::SQLITE_OPEN_URI,
        )?,
        None => Connection::open_with_flags(path, flags)?,
    };
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)?;
    Ok(connection)
}

fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = ?1";
    Ok(connection.query_row(sql, [name], |_| Ok(())).optional()?.is_some())
}

fn layers(connection: &Connection) -> rusqlite::Result<Vec<Layer>> {
    let queries = [
        ("gpkg_geometry_columns", "SELECT table_name, column_name, srs_id FROM gpkg_geometry_columns"),
        ("geometry_columns", "SELECT f_table_name, f_geometry_column, srid FROM geometry_columns"),
    ];
    for (table, sql) in queries {
        if has_table(connection, table)? {
            let mut statement = connection.prepare(&format!("{sql} ORDER BY 1 LIMIT 1000"))?;
            let rows = statement.query_map([], |row| {
                Ok(Layer { table: row.get(0)?, column: row.get(1)?, srs: row.get(2)? })
            })?;
            return rows.collect();
        }
    }
    Ok(Vec::new())
}

fn choose<'l>(layers: &'l [Layer], wanted: Option<&str>, path: &Path) -> Result<&'l Layer, VectorError> {
    let names = || layers.iter().map(|layer| layer.table.as_str()).collect::<Vec<_>>().join(", ");
    match (layers, wanted) {
        ([], _) => Err(VectorError::Corrupt {
            format: "SQLite",
            reason: "it has no table of geometries (GeoPackage, SpatiaLite)".to_owned(),
        }),
        ([only], None) => Ok(only),
        (_, None) => Err(VectorError::SeveralLayers { path: path.to_owned(), layers: names() }),
        (_, Some(wanted)) => {
            layers.iter().find(|layer| layer.table == wanted).ok_or_else(|| VectorError::Corrupt {
                format: "SQLite",
                reason: format!("it has no layer {wanted:?}, but {}", names()),
            })
        }
    }
}

/// The coordinate system of a number that the database gives it; `None` for degrees and for what is not said.
fn srs(connection: &Connection, number: i64) -> rusqlite::Result<Option<String>> {
    if number <= 0 || matches!(number, 4326 | 4490) {
        return Ok(None);
    }
    let tables = [
        (
            "gpkg_spatial_ref_sys",
            "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?1",
        ),
        ("spatial_ref_sys", "SELECT auth_name, auth_srid, srtext FROM spatial_ref_sys WHERE srid = ?1"),
    ];
    for (table, sql) in tables {
        if !has_table(connection, table)? {
            continue;
        }
        let text = |row: &rusqlite::Row<'_>, at: usize| -> rusqlite::Result<String> {
            Ok(match row.get_ref(at)? {
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                _ => String::new(),
            })
        };
        // SpatiaLite has other columns; there the number is EPSG's.
        let Ok(mut statement) = connection.prepare(sql) else { continue };
        let found = statement
            .query_row([number], |row| Ok((text(row, 0)?, text(row, 1)?, text(row, 2)?)))
            .optional()?;
        if let Some((authority, code, definition)) = found {
            let is_epsg = authority.eq_ignore_ascii_case("EPSG") && !code.is_empty();
            return Ok(if is_epsg { Some(format!("EPSG:{code}")) } else { Some(definition) }
                .filter(|text| !text.is_empty()));
        }
    }
    Ok(Some(format!("EPSG:{number}")))
}

fn rows(
    connection: &Connection,
    layer: &Layer,
    raw: &mut Raw,
    corrupt: impl Fn(rusqlite::Error) -> VectorError + Copy,
) -> Result<(), VectorError> {
    let quoted = layer.table.replace('"', "\"\"");
    let mut statement = connection.prepare(&format!("SELECT * FROM \"{quoted}\"")).map_err(corrupt)?;
    let names: Vec<String> = statement.column_names().iter().map(|name| (*name).to_owned()).collect();
    let Some(at) = names.iter().position(|name| name.eq_ignore_ascii_case(&layer.column)) else {
        return Err(VectorError::Corrupt {
            format: "SQLite",
            reason: format!("the table {:?} has no column {:?}", layer.table, layer.column),
        });
    };
    let mut budget = Budget::new();
    let mut rows = statement.query([]).map_err(corrupt)?;
    loop {
        let number = raw.features.len() as u64 + 1;
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(()),
            Err(error) => {
                raw.issues.push(super::Issue {
                    number,
                    line: None,
                    reason: format!("the database is broken here ({error}): nothing from there on was read"),
                    refused: true,
                });
                return Ok(());
            }
        };
        let mut feature = RawFeature { number, ..RawFeature::default() };
        let mut bytes = 256;
        for (index, name) in names.iter().enumerate() {
            let value = row.get_ref(index).map_err(corrupt)?;
            if index == at {
                feature.shape = match value {
                    ValueRef::Blob(blob) => {
                        bytes += blob.len() * 2;
                        wkb::read_blob(blob).transpose()
                    }
                    ValueRef::Null => None,
                    _ => Some(Err("its geometry is no blob".to_owned())),
                };
                continue;
            }
            let value = match value {
                ValueRef::Integer(number) => number.into(),
                ValueRef::Real(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
                ValueRef::Null | ValueRef::Blob(_) => Value::Null,
            };
            bytes += 96 + name.len() + value.as_str().map_or(0, str::len);
            feature.properties.push((name.clone(), value));
        }
        budget.take(bytes)?;
        raw.features.push(feature);
    }
}
