use proptest::prelude::*;

use super::*;

const ZONE: &str = "America/Los_Angeles";

fn list(element: DataType, nullable: bool) -> DataType {
    DataType::List(Arc::new(Field::new("element", element, nullable)))
}

fn map(key: DataType, value: DataType) -> DataType {
    let fields = vec![
        Field::new("key", key, false),
        Field::new("value", value, true),
    ];
    DataType::Map(
        Arc::new(Field::new(
            "entries",
            DataType::Struct(fields.into()),
            false,
        )),
        false,
    )
}

fn structure(fields: &[(&str, DataType, bool)]) -> DataType {
    let fields = fields.iter();
    DataType::Struct(
        fields
            .map(|(name, kind, null)| Field::new(*name, kind.clone(), *null))
            .collect(),
    )
}

fn timestamp(zone: Option<&str>) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into))
}

#[test]
fn scalars_are_known_in_every_spelling() {
    use DataType::*;
    let cases: [(&[&str], DataType); 17] = [
        (&["BOOLEAN", "boolean"], Boolean),
        (&["TINYINT", "BYTE"], Int8),
        (&["SMALLINT", "SHORT"], Int16),
        (&["INT", "INTEGER", " int "], Int32),
        (&["BIGINT", "LONG"], Int64),
        (&["FLOAT", "REAL"], Float32),
        (&["DOUBLE", "DOUBLE PRECISION"], Float64),
        (
            &["DECIMAL(10,2)", "decimal( 10 , 2 )", "NUMERIC(10,2)"],
            Decimal128(10, 2),
        ),
        (&["DECIMAL", "DEC", "DECIMAL(10)"], Decimal128(10, 0)),
        (&["DECIMAL(38,38)"], Decimal128(38, 38)),
        (&["BINARY"], Binary),
        (&["DATE"], Date32),
        (&["TIMESTAMP", "TIMESTAMP_LTZ"], timestamp(Some(ZONE))),
        (&["TIMESTAMP_NTZ"], timestamp(None)),
        (&["VOID", "NULL"], Null),
        (
            &["INTERVAL YEAR", "INTERVAL MONTH", "interval year to month"],
            Interval(IntervalUnit::YearMonth),
        ),
        (
            &[
                "INTERVAL DAY",
                "INTERVAL DAY TO SECOND",
                "INTERVAL MINUTE TO SECOND",
            ],
            Duration(TimeUnit::Microsecond),
        ),
    ];
    for (texts, expected) in cases {
        for text in texts {
            assert_eq!(parse_type(text, ZONE), expected, "{text}");
        }
    }
}

#[test]
fn what_is_not_understood_is_text() {
    let texts = [
        "",
        "STRING",
        "VARCHAR(255)",
        "CHAR(3)",
        "STRING COLLATE UNICODE_CI",
        "VARIANT",
        "GEOMETRY(4326)",
        "GEOGRAPHY(OGC:CRS84)",
        "OBJECT<a STRING, b: INT>",
        "NEWTYPE",
        "DECIMAL(39,2)",
        "DECIMAL(5,6)",
        "DECIMAL(0,0)",
        "DECIMAL(5",
        "DECIMAL(5,-1)",
        "INTERVAL",
        "INTERVAL FORTNIGHT",
        "ARRAY<INT",
        "ARRAY",
        "MAP<INT>",
        "ARRAY<INT>>",
        "STRUCT<a INT b INT>",
        "INT NOT",
        "STRUCT<`a: INT>",
        "<",
        "(",
        "é",
        "GEOMETRY(",
    ];
    for text in texts {
        assert_eq!(parse_type(text, ZONE), DataType::Utf8, "{text}");
    }
}

#[test]
fn nested_types_keep_names_and_nullability() {
    use DataType::{Decimal128, Int32, Utf8};
    let address = structure(&[
        ("street", Utf8, false),
        ("odd ` name", Int32, true),
        ("z", Utf8, false),
    ]);
    let cases = [
        ("ARRAY<INT>", list(Int32, true)),
        ("ARRAY<INT NOT NULL>", list(Int32, false)),
        ("array<array<varchar(3)>>", list(list(Utf8, true), true)),
        ("ARRAY<NEWTYPE(1,2)>", list(Utf8, true)),
        ("ARRAY<TIMESTAMP>", list(timestamp(Some(ZONE)), true)),
        ("MAP<STRING, DECIMAL(10,2)>", map(Utf8, Decimal128(10, 2))),
        (
            "MAP<STRING COLLATE UTF8_LCASE,ARRAY<INT>>",
            map(Utf8, list(Int32, true)),
        ),
        (
            "STRUCT<street: STRING NOT NULL, `odd `` name`: INT COMMENT 'it''s \\' >, x', z: STRING COMMENT \"\" NOT NULL>",
            address,
        ),
        (
            "STRUCT<a INT, b: STRING>",
            structure(&[("a", Int32, true), ("b", Utf8, true)]),
        ),
        (
            "STRUCT<two words: INT, é: INT>",
            structure(&[("two words", Int32, true), ("é", Int32, true)]),
        ),
        ("STRUCT<>", structure(&[])),
        (
            "STRUCT<array: ARRAY<INT>>",
            structure(&[("array", list(Int32, true), true)]),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_type(text, ZONE), expected, "{text}");
    }
}

#[test]
fn depth_is_limited() {
    let nested = |depth: usize| format!("{}INT{}", "ARRAY<".repeat(depth), ">".repeat(depth));
    assert!(matches!(
        parse_type(&nested(MAX_DEPTH - 1), ZONE),
        DataType::List(_)
    ));
    assert_eq!(parse_type(&nested(MAX_DEPTH), ZONE), DataType::Utf8);
    assert_eq!(parse_type(&nested(1_000_000), ZONE), DataType::Utf8);
}

fn types() -> impl Strategy<Value = (String, DataType)> {
    let scalars = vec![
        ("INT", DataType::Int32),
        ("STRING", DataType::Utf8),
        ("TIMESTAMP", timestamp(Some(ZONE))),
        (
            "INTERVAL DAY TO SECOND",
            DataType::Duration(TimeUnit::Microsecond),
        ),
    ];
    let scalar = prop::sample::select(scalars).prop_map(|(text, kind)| (text.to_owned(), kind));
    let decimal = (1..=38_u8).prop_flat_map(|precision| (Just(precision), 0..=precision));
    let decimal = decimal.prop_map(|(precision, scale)| {
        let scale = i8::try_from(scale).unwrap();
        (
            format!("DECIMAL({precision},{scale})"),
            DataType::Decimal128(precision, scale),
        )
    });
    prop_oneof![scalar, decimal].prop_recursive(4, 24, 4, |inner| {
        let field = (".{0,6}", inner.clone(), any::<bool>());
        prop_oneof![
            inner
                .clone()
                .prop_map(|(text, kind)| (format!("ARRAY<{text}>"), list(kind, true))),
            (inner.clone(), inner)
                .prop_map(|((key, k), (value, v))| { (format!("MAP<{key}, {value}>"), map(k, v)) }),
            prop::collection::vec(field, 0..4).prop_map(|fields| print_structure(&fields)),
        ]
    })
}

fn print_structure(fields: &[(String, (String, DataType), bool)]) -> (String, DataType) {
    let texts = fields.iter().map(|(name, (text, _), nullable)| {
        let suffix = if *nullable { "" } else { " NOT NULL" };
        format!("`{}`: {text}{suffix}", name.replace('`', "``"))
    });
    let text = format!("STRUCT<{}>", texts.collect::<Vec<_>>().join(", "));
    let fields = fields
        .iter()
        .map(|(name, (_, kind), null)| Field::new(name, kind.clone(), *null));
    (text, DataType::Struct(fields.collect()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn printed_types_come_back((text, expected) in types()) {
        prop_assert_eq!(parse_type(&text, ZONE), expected);
    }

    #[test]
    fn texts_never_panic(text in "(ARRAY|MAP|STRUCT|DECIMAL|INT|COMMENT|NOT NULL|[<>(),:`'\" é0-9a]|.){0,20}") {
        let _ = parse_type(&text, ZONE);
    }
}
