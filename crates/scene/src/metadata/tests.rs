use bytes::Bytes;
use serde_json::json;

use super::{Value, binary_table::PropertyTableReader, entity::Entity, schema::Schema, structural};

fn schema(json: serde_json::Value) -> (Schema, Vec<String>) {
    let mut problems = Vec::new();
    let schema =
        Schema::parse(&json, &mut |place, reason| problems.push(format!("{place}: {reason}"))).unwrap();
    (schema, problems)
}

fn floats(values: &[f64]) -> Value {
    Value::Array(values.iter().copied().map(Value::Float).collect())
}

#[test]
fn stored_values_get_their_meaning() {
    let (schema, problems) = schema(json!({ "classes": { "c": { "properties": {
        "half": { "type": "SCALAR", "componentType": "UINT8", "normalized": true, "offset": 10, "scale": 2 },
        "pair": { "type": "VEC2", "componentType": "INT16", "normalized": true, "scale": [10, 100], "offset": [1, 2] },
        "gone": { "type": "SCALAR", "componentType": "FLOAT32", "noData": -99.9, "default": 5 },
        "none": { "type": "SCALAR", "componentType": "INT8", "noData": -1 },
        "mat": { "type": "MAT2", "componentType": "FLOAT64" },
        "absent": { "type": "STRING", "default": "unnamed" }
    } } } }));
    assert_eq!(problems, [] as [&str; 0]);
    let mut views: Vec<Vec<u8>> = vec![vec![0, 255]];
    views.push([0_i16, i16::MAX, -i16::MAX, i16::MIN].iter().flat_map(|n| n.to_le_bytes()).collect());
    views.push([-99.9_f32, 2.5].iter().flat_map(|n| n.to_le_bytes()).collect());
    views.push(vec![255, 7]);
    views.push((1..=8).flat_map(|n| f64::from(n).to_le_bytes()).collect());
    let view =
        |index: usize| views.get(index).cloned().map(Bytes::from).ok_or_else(|| "no such view".to_owned());
    let mut reader = PropertyTableReader { schema: &schema, buffer_view: &view, budget_bytes: 1000 };
    let table = json!({ "class": "c", "count": 2, "properties": {
        "half": { "values": 0 }, "pair": { "values": 1 }, "gone": { "values": 2 }, "none": { "values": 3 },
        "mat": { "values": 4 } } });
    let mut problems = Vec::new();
    let table = reader.read(&table, &mut |place, reason| problems.push(format!("{place}: {reason}")));
    assert_eq!(problems, [] as [&str; 0]);
    let value = |id: &str, row: usize| table.property(id).unwrap().values.value(row);
    assert_eq!((value("half", 0), value("half", 1)), (Value::Float(10.0), Value::Float(12.0)));
    assert_eq!(value("pair", 0), floats(&[1.0, 102.0]));
    assert_eq!(value("pair", 1), floats(&[-9.0, -98.0]));
    assert_eq!((value("gone", 0), value("gone", 1)), (Value::Int(5), Value::Float(2.5)));
    assert_eq!((value("none", 0), value("none", 1)), (Value::Null, Value::Int(7)));
    assert_eq!(value("mat", 1), floats(&[5.0, 6.0, 7.0, 8.0]));
    assert_eq!(value("absent", 1), Value::Text("unnamed".into()));
    assert_eq!(table.row(2), []);
    assert_eq!(reader.budget_bytes, 1000 - 2 - 8 - 8 - 2 - 64);
}

#[test]
fn a_bad_column_costs_only_itself() {
    let (schema, problems) = schema(json!({
        "enums": { "odd": { "valueType": "FLOAT16", "values": [] } },
        "classes": { "c": { "properties": {
            "good": { "type": "BOOLEAN" },
            "text": { "type": "STRING", "array": true },
            "huge": { "type": "SCALAR", "componentType": "UINT8", "array": true, "count": 9223372036854775807_u64 },
            "what": { "type": "TENSOR" },
            "enum": { "type": "ENUM", "enumType": "odd" },
            "number": { "type": "SCALAR" }
        } } } }));
    assert_eq!(problems.len(), 4, "{problems:?}");
    let view = |index: usize| match index {
        0 => Ok(Bytes::from_static(&[0b10])),
        1 => Ok(Bytes::from_static(&[0xff; 64])),
        _ => Err("no such view".to_owned()),
    };
    let mut reader = PropertyTableReader { schema: &schema, buffer_view: &view, budget_bytes: 1000 };
    let table = json!({ "class": "c", "count": 2, "properties": {
        "good": { "values": 0 },
        "text": { "values": 1, "arrayOffsets": 1, "stringOffsets": 1 },
        "huge": { "values": 1 }, "other": { "values": 0 }, "number": { "values": "x" } } });
    let mut problems = Vec::new();
    let table = reader.read(&table, &mut |place, reason| problems.push(format!("{place}: {reason}")));
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert_eq!(table.row(1), [("good".to_owned(), Value::Bool(true))]);

    // Tables that cannot be read stay in their place, empty.
    let extension = json!({ "propertyTables": [
        { "class": "missing", "count": 3 }, 5, { "class": "c", "count": 1, "properties": { "good": { "values": 0 } } } ] });
    let mut problems = Vec::new();
    let tables =
        structural::property_tables(&extension, &schema, &view, 1000, &mut |place, _| problems.push(place));
    assert_eq!(problems, ["/propertyTables/0/class", "/propertyTables/1"]);
    assert_eq!(tables.iter().map(|table| table.properties.len()).collect::<Vec<_>>(), [0, 0, 1]);
    // What does not fit the budget is left out.
    let tables = structural::property_tables(&extension, &schema, &view, 0, &mut |_, _| {});
    assert_eq!(tables[2].properties.len(), 0);
}

#[test]
fn entities_follow_their_class() {
    let (schema, _) = schema(json!({ "classes": { "tile": { "name": "Tile", "properties": {
        "author": { "type": "STRING", "default": "nobody" },
        "kind": { "type": "ENUM", "enumType": "k" },
        "level": { "type": "SCALAR", "componentType": "UINT8", "noData": 255 },
        "height": { "type": "SCALAR", "componentType": "FLOAT32", "offset": 100 }
    } } }, "enums": { "k": { "values": [{ "name": "A", "value": 1 }] } } }));
    let json =
        json!({ "class": "tile", "properties": { "kind": "A", "level": 255, "height": 1.5, "stray": 1 } });
    let entity = Entity::parse(&json, &schema).unwrap();
    assert_eq!(entity.class, "Tile");
    let expected = [
        ("author", Value::Text("nobody".into())),
        ("height", Value::Float(101.5)),
        ("kind", Value::Text("A".into())),
    ];
    assert_eq!(entity.properties, expected.map(|(id, value)| (id.to_owned(), value)));
    assert!(Entity::parse(&json!({ "class": "other" }), &schema).unwrap_err().contains("other"));
    assert!(Entity::parse(&json!(7), &schema).is_err());
}
