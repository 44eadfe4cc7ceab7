use arrow::array::{Array, AsArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use proptest::prelude::*;

use super::*;
use crate::client::results::schema::schema_from_columns;
use crate::client::wire::ColumnInfo;

/// A schema as it comes from a manifest; columns are named `c0`, `c1` and so on.
fn schema(types: &[&str]) -> SchemaRef {
    let column = |(at, text): (usize, &&str)| ColumnInfo {
        name: format!("c{at}"),
        type_text: (*text).to_owned(),
        ..ColumnInfo::default()
    };
    let columns: Vec<_> = types.iter().enumerate().map(column).collect();
    schema_from_columns(&columns, "America/Los_Angeles")
}

fn rows(cells: &[Option<&str>]) -> Vec<Vec<Option<String>>> {
    cells
        .iter()
        .map(|cell| vec![cell.map(str::to_owned)])
        .collect()
}

fn column(type_text: &str, cells: &[Option<&str>]) -> Result<ArrayRef> {
    let batch = decode_json_rows(&rows(cells), &schema(&[type_text]))?;
    Ok(Arc::clone(batch.column(0)))
}

fn shown(array: &dyn Array) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let formatter = ArrayFormatter::try_new(array, &options).unwrap();
    (0..array.len())
        .map(|row| formatter.value(row).to_string())
        .collect()
}

fn message(result: Result<impl std::fmt::Debug>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code(), crate::client::ErrorCode::DataLoss);
    error.message().to_owned()
}

#[test]
fn every_type_is_read_from_its_text() {
    let cases = [
        ("BOOLEAN", "true", "true"),
        ("TINYINT", "-128", "-128"),
        ("SMALLINT", "32767", "32767"),
        ("INT", "-2147483648", "-2147483648"),
        ("BIGINT", "9223372036854775807", "9223372036854775807"),
        ("FLOAT", "1.5", "1.5"),
        ("DOUBLE", "-Infinity", "-inf"),
        ("DOUBLE", "Infinity", "inf"),
        ("DOUBLE", "NaN", "NaN"),
        ("DOUBLE", "1.7976931348623157E308", "1.7976931348623157e308"),
        ("DECIMAL(10,4)", "-1.5", "-1.5000"),
        ("STRING", "é \"quoted\"", "é \"quoted\""),
        ("VARIANT", "{\"a\":1}", "{\"a\":1}"),
        ("BINARY", "AP8=", "00ff"),
        ("BINARY", "", ""),
        ("DATE", "2024-02-29", "2024-02-29"),
        (
            "TIMESTAMP_NTZ",
            "2021-01-01T10:00:00.000",
            "2021-01-01T10:00:00",
        ),
        ("INTERVAL YEAR TO MONTH", "1-2", "1 years 2 mons"),
        ("ARRAY<INT>", "[1, null, 3]", "[1, NULL, 3]"),
        ("ARRAY<INT>", "[]", "[]"),
        (
            "ARRAY<DECIMAL(38,20)>",
            "[1.12345678901234567890]",
            "[1.12345678901234567890]",
        ),
        ("ARRAY<DECIMAL(4,2)>", "[\"1.5\"]", "[1.50]"),
        (
            "ARRAY<STRING>",
            "[\"a\\u00e9\\n\", null, \"null\"]",
            "[aé\n, NULL, null]",
        ),
        ("ARRAY<VARIANT>", "[{\"a\": [1]}]", "[{\"a\": [1]}]"),
        ("ARRAY<ARRAY<INT>>", "[[1], null, []]", "[[1], NULL, []]"),
        ("ARRAY<BOOLEAN>", "[true,false]", "[true, false]"),
        (
            "MAP<STRING, INT>",
            "{\"b\":1,\"a\":null,\"b\":2}",
            "{b: 1, a: NULL, b: 2}",
        ),
        ("MAP<INT, STRING>", "{\"1\":\"x\"}", "{1: x}"),
        (
            "MAP<INT, STRING>",
            "[{\"key\":1,\"value\":\"x\"},{\"key\":2}]",
            "{1: x, 2: NULL}",
        ),
        (
            "STRUCT<a: INT, b: STRING>",
            "{\"b\":\"x\",\"a\":1}",
            "{a: 1, b: x}",
        ),
        (
            "STRUCT<a: INT, b: STRING>",
            "{\"b\":\"x\"}",
            "{a: NULL, b: x}",
        ),
        (
            "STRUCT<a: INT, a: INT>",
            "{\"a\":1,\"a\":2}",
            "{a: 1, a: 2}",
        ),
        ("STRUCT<>", "{}", "{}"),
    ];
    for (type_text, text, expected) in cases {
        let array = column(type_text, &[None, Some(text), None]).unwrap();
        assert_eq!(
            shown(&array),
            ["NULL", expected, "NULL"],
            "{type_text} {text}"
        );
    }
}

#[test]
fn instants_and_durations_are_microseconds() {
    let array = column(
        "TIMESTAMP",
        &[
            Some("2021-01-01T10:00:00.000-08:00"),
            Some("2021-01-01T10:00:00"),
        ],
    );
    let array = array.unwrap();
    let zone = DataType::Timestamp(TimeUnit::Microsecond, Some("America/Los_Angeles".into()));
    assert_eq!(array.data_type(), &zone);
    let micros = array.as_primitive::<TimestampMicrosecondType>();
    assert_eq!(micros.values()[..], [1_609_524_000_000_000; 2]);
    let array = column("INTERVAL DAY TO SECOND", &[Some("-1 00:00:00.000005000")]).unwrap();
    assert_eq!(
        array.as_primitive::<DurationMicrosecondType>().value(0),
        -86_400_000_005
    );
}

#[test]
fn void_columns_hold_nothing_but_nulls() {
    let array = column("VOID", &[None, None]).unwrap();
    assert_eq!((array.data_type(), array.len()), (&DataType::Null, 2));
    assert!(column("VOID", &[None, Some("x")]).is_err());
}

#[test]
fn rows_without_columns_are_counted() {
    let batch = decode_json_rows(&[vec![], vec![]], &schema(&[])).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (2, 0));
    assert_eq!(
        decode_json_rows(&[], &schema(&["INT", "ARRAY<INT>"]))
            .unwrap()
            .num_rows(),
        0
    );
}

#[test]
fn unreadable_cells_are_named_without_their_text() {
    let types = [
        ("TINYINT", "128"),
        ("BOOLEAN", "1"),
        ("FLOAT", ""),
        ("DECIMAL(3,2)", "10.00"),
        ("BINARY", "A"),
        ("DATE", "secret"),
        ("INTERVAL DAY TO SECOND", "1"),
        ("ARRAY<INT>", "[1"),
        ("ARRAY<INT>", "{}"),
        ("ARRAY<INT>", "[1] x"),
        ("ARRAY<INT>", "[1, \"x\"]"),
        ("ARRAY<INT NOT NULL>", "[null]"),
        ("ARRAY<ARRAY<INT>>", "[[], [1, true]]"),
        ("MAP<STRING, INT>", "{\"a\":\"b\"}"),
        ("MAP<INT, INT>", "[{\"value\":1}]"),
        ("MAP<INT, INT>", "[{\"key\":1,\"other\":1}]"),
        ("STRUCT<a: INT>", "{\"b\":1}"),
        ("STRUCT<a: INT>", "[1]"),
        ("STRUCT<a: INT NOT NULL>", "{}"),
        ("STRUCT<a: ARRAY<INT>>", "{\"a\":[1.5]}"),
    ];
    for (type_text, text) in types {
        let found = message(column(type_text, &[None, None, Some(text), None]));
        let expected = format!("row 3 of column \"c0\" holds no value of {type_text}");
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn nested_faults_name_the_outer_row() {
    let cells = [
        Some("[[1], [2, 3]]"),
        None,
        Some("[]"),
        Some("[[4], null, [\"x\"]]"),
        Some("[]"),
    ];
    assert!(message(column("ARRAY<ARRAY<INT>>", &cells)).starts_with("row 4 of"));
}

#[test]
fn nulls_below_a_null_struct_are_allowed() {
    let array = column("STRUCT<a: INT NOT NULL>", &[None, Some("{\"a\":1}")]).unwrap();
    assert_eq!(shown(&array), ["NULL", "{a: 1}"]);
}

#[test]
fn rows_of_another_width_are_refused() {
    let rows = [vec![Some("1".to_owned())], vec![]];
    let found = message(decode_json_rows(&rows, &schema(&["INT"])));
    assert_eq!(
        found,
        "row 2 has 0 cells where the manifest declares 1 columns"
    );
}

#[test]
fn bodies_are_arrays_of_rows_of_texts() {
    let body = br#"[["1", null], ["\u00e9", ""]]"#;
    let expected = vec![
        vec![Some("1".to_owned()), None],
        vec![Some("é".to_owned()), Some(String::new())],
    ];
    assert_eq!(parse_json_body(body).unwrap(), expected);
    assert!(parse_json_body(b"[]").unwrap().is_empty());
    for body in [
        &b""[..],
        b"{}",
        b"[[1]]",
        b"[[\"a\"]",
        b"[] x",
        b"\xFF",
        b"[[\"\xFF\"]]",
    ] {
        assert!(message(parse_json_body(body)).starts_with("the JSON chunk body is no array"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn nested_texts_come_back(items in prop::collection::vec(prop::option::of(".{0,12}"), 0..6)) {
        let text = serde_json::to_string(&items).unwrap();
        let array = column("ARRAY<STRING>", &[Some(&text)]).unwrap();
        let values = array.as_list::<i32>().value(0);
        let found: Vec<_> = values.as_string::<i32>().iter().map(|item| item.map(str::to_owned)).collect();
        prop_assert_eq!(found, items);
    }

    #[test]
    fn doubles_come_back(value in any::<f64>()) {
        let array = column("DOUBLE", &[Some(&value.to_string())]).unwrap();
        let found = array.as_primitive::<Float64Type>().value(0);
        prop_assert!(found.to_bits() == value.to_bits() || (found.is_nan() && value.is_nan()));
    }

    #[test]
    fn cells_never_panic(text in "([\\[\\]{}:,\"0-9a]|\"a\":|null|.){0,24}") {
        for type_text in ["ARRAY<INT>", "MAP<STRING, INT>", "STRUCT<a: ARRAY<STRING>>", "BINARY", "DOUBLE"] {
            let _ = column(type_text, &[Some(&text)]);
        }
    }
}
