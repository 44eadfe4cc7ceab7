use proptest::prelude::*;

use super::*;

fn sent(value: &str, sql_type: &str) -> (String, String) {
    let parameter = typed(Some(value), sql_type).unwrap_or_else(|error| panic!("{error}"));
    (parameter.sql_type, parameter.value.unwrap())
}

fn pair(sql_type: &str, value: &str) -> (String, String) {
    (sql_type.to_owned(), value.to_owned())
}

#[test]
fn values_are_sent_as_their_type() {
    let cases = [
        ("TRUE", "boolean", "BOOLEAN", "true"),
        ("0", "BOOL", "BOOLEAN", "false"),
        ("+007", "INTEGER", "INT", "7"),
        ("-128", "BYTE", "TINYINT", "-128"),
        (
            "9223372036854775807",
            "LONG",
            "BIGINT",
            "9223372036854775807",
        ),
        ("1e300", "DOUBLE", "DOUBLE", "1e300"),
        ("nan", "DOUBLE", "DOUBLE", "NaN"),
        ("-inf", "FLOAT", "FLOAT", "-Infinity"),
        ("x", "VARCHAR(1)", "STRING", "x"),
        ("{}", "VARIANT", "STRING", "{}"),
        ("ab", "BINARY", "BINARY", "ab"),
        ("2020-1-1", "DATE", "DATE", "2020-01-01"),
        (
            "1-2",
            "interval year to month",
            "INTERVAL YEAR TO MONTH",
            "1-2",
        ),
        ("3", "INTERVAL", "INTERVAL", "3"),
        (
            "POINT(1 2)",
            "GEOMETRY(4326)",
            "STRING",
            "SRID=4326;POINT(1 2)",
        ),
        (
            "SRID=1;POINT(1 2)",
            "GEOGRAPHY",
            "STRING",
            "SRID=1;POINT(1 2)",
        ),
    ];
    for (value, given, sql_type, text) in cases {
        assert_eq!(sent(value, given), pair(sql_type, text), "{value} {given}");
    }
}

#[test]
fn decimals_keep_their_digits() {
    let cases = [
        ("1.25", "DECIMAL(10,2)", "DECIMAL(10,2)", "1.25"),
        ("1.255", "DECIMAL(4,2)", "DECIMAL(4,3)", "1.255"),
        ("0099.5", "DECIMAL(3,1)", "DECIMAL(3,1)", "99.5"),
        ("99.55", "DECIMAL(3,1)", "DECIMAL(4,2)", "99.55"),
        ("1E+9", "DECIMAL(4,0)", "DECIMAL(10,0)", "1000000000"),
        ("1.5E+3", "DECIMAL(10)", "DECIMAL(10,0)", "1500"),
        ("-1e-3", "DECIMAL(5,4)", "DECIMAL(5,4)", "-0.001"),
        (".5", "NUMERIC", "DECIMAL(1,1)", "0.5"),
        ("5.", "DECIMAL", "DECIMAL(1,0)", "5"),
        ("0", "DECIMAL", "DECIMAL(1,0)", "0"),
    ];
    for (value, given, sql_type, text) in cases {
        assert_eq!(sent(value, given), pair(sql_type, text), "{value} {given}");
    }
}

#[test]
fn timestamps_keep_their_instant() {
    let cases = [
        ("2024-01-02 03:04:05", "TIMESTAMP", "2024-01-02T03:04:05"),
        (
            "2024-01-02T03:04:05.5+02:00",
            "TIMESTAMP",
            "2024-01-02T03:04:05.500+02:00",
        ),
        (
            "2024-01-02 03:04:05 -0730",
            "TIMESTAMP_LTZ",
            "2024-01-02T03:04:05-07:30",
        ),
        ("2024-01-02 03:04:05Z", "TIMESTAMP", "2024-01-02T03:04:05Z"),
        (
            "2024-01-02 03:04:05+02:00",
            "TIMESTAMP_NTZ",
            "2024-01-02T03:04:05",
        ),
        ("2024-01-02", "TIMESTAMP", "2024-01-02"),
    ];
    for (value, given, text) in cases {
        assert_eq!(sent(value, given).1, text, "{value} {given}");
    }
}

#[test]
fn null_keeps_its_type_where_that_can_be_sent() {
    let null = |sql_type| typed(None, sql_type).unwrap().sql_type;
    let types = [
        "INT",
        "decimal(10,2)",
        "VOID",
        "ARRAY<INT>",
        "nonsense",
        "TIMESTAMP_NTZ",
    ];
    let sent = [
        "INT",
        "DECIMAL(10,2)",
        "STRING",
        "STRING",
        "STRING",
        "TIMESTAMP_NTZ",
    ];
    assert_eq!(types.map(null), sent);
}

#[test]
fn what_is_no_value_of_its_type_is_refused() {
    let cases = [
        ("abc", "INT"),
        ("128", "TINYINT"),
        (" 1", "INT"),
        ("1e400", "DOUBLE"),
        ("1e39", "FLOAT"),
        ("x", "VOID"),
        ("yes", "BOOLEAN"),
        ("ab", "VARCHAR(1)"),
        ("1.2.3", "DECIMAL(5,2)"),
        ("1e99", "DECIMAL(5,2)"),
        ("123456", "DECIMAL(3,1)"),
        ("12345", "DECIMAL(3,0)"),
        ("-100.5", "DECIMAL(3,1)"),
        ("1", "DECIMAL(3,3)"),
        ("", "DECIMAL"),
        ("2024-13-01", "DATE"),
        ("2024-01-02 03:04", "TIMESTAMP"),
        ("2024-01-02 03:04:05 Europe/Berlin", "TIMESTAMP"),
        ("SRID=1;POINT(1 2)", "GEOMETRY(2)"),
        ("[1]", "ARRAY<INT>"),
        ("1", "DECIMAL(39,0)"),
        ("1", "DECIMAL(5,6)"),
        ("1", "TIME"),
        ("1", "INT(4)"),
        ("1", "INTERVAL CENTURY"),
    ];
    for (value, sql_type) in cases {
        let error = typed(Some(value), sql_type).expect_err(sql_type);
        assert_eq!(
            error.code(),
            crate::client::ErrorCode::InvalidArgument,
            "{value}"
        );
    }
}

#[test]
fn places_are_filled_and_kinds_are_not_mixed() {
    let mut bindings = Bindings::default();
    bindings.bind_place(3, Some("3"), "INT").unwrap();
    bindings.bind_place(1, Some("x"), "STRING").unwrap();
    bindings.bind_place(1, Some("1"), "INT").unwrap();
    let sent = bindings.parameters();
    let values: Vec<_> = sent
        .iter()
        .map(|it| (it.ordinal, it.value.as_deref()))
        .collect();
    assert_eq!(
        values,
        [(Some(1), Some("1")), (Some(2), None), (Some(3), Some("3"))]
    );
    assert!(bindings.bind_name("a", None, "INT").is_err());
    for ordinal in [0, -1, 1 << 32, i64::MAX] {
        assert!(
            bindings.bind_place(ordinal, None, "INT").is_err(),
            "{ordinal}"
        );
    }
    let mut named = Bindings::default();
    named.bind_name("a", Some("1"), "INT").unwrap();
    named.bind_name("a", Some("2"), "INT").unwrap();
    assert_eq!(named.parameters().len(), 1);
    assert!(named.bind_name("", None, "INT").is_err());
    assert!(named.bind_place(1, None, "INT").is_err());
}

proptest! {
    #[test]
    fn no_text_panics(value in ".{0,30}", sql_type in "[A-Z_]{1,12}(\\([0-9, ]{0,6}\\))?") {
        drop(typed(Some(&value), &sql_type));
    }

    #[test]
    fn integers_pass_unchanged(number: i64) {
        prop_assert_eq!(sent(&number.to_string(), "BIGINT"), pair("BIGINT", &number.to_string()));
    }

    #[test]
    fn written_decimals_pass_unchanged(whole in 0_u64..1_000_000, fraction in "[0-9]{1,12}") {
        let text = format!("{whole}.{fraction}");
        prop_assert_eq!(sent(&text, "DECIMAL").1, text);
    }
}
