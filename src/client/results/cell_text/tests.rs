use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3_600 * MICROS_PER_SECOND;

#[test]
fn dates_count_days() {
    let cases = [
        ("1970-01-01", Some(0)),
        ("1969-12-31", Some(-1)),
        ("2024-02-29", Some(19_782)),
        ("0001-01-01", Some(-719_162)),
        ("9999-12-31", Some(2_932_896)),
        ("+10000-01-01", Some(2_932_897)),
        ("-0001-01-01", Some(-719_893)),
        ("2023-02-29", None),
        ("2023-13-01", None),
        ("2023-01", None),
        ("2023-01-01-01", None),
        ("2023-01-01 ", None),
        ("2023-1 -01", None),
        ("", None),
        ("999999999999-01-01", None),
    ];
    for (text, expected) in cases {
        assert_eq!(date(text), expected, "{text}");
    }
}

#[test]
fn timestamps_take_any_offset_or_the_session_zone() {
    let zone = Zone::parse("America/Los_Angeles");
    let cases = [
        ("1970-01-01T00:00:00.000Z", Some(0)),
        ("1970-01-01T00:00:00z", Some(0)),
        ("1970-01-01 00:00:00.000001+00:00", Some(1)),
        ("1970-01-01T00:00:00.000-08:00", Some(8 * HOUR)),
        ("1970-01-01T05:30:00+5:30", Some(0)),
        ("1970-01-01T00:00:00.123456000 +01", Some(123_456 - HOUR)),
        ("1969-12-31T23:59:59.999999Z", Some(-1)),
        ("1970-01-01T00:00:00", Some(8 * HOUR)),
        ("1970-01-01 00:00", Some(8 * HOUR)),
        ("1970-01-01", Some(8 * HOUR)),
        (
            "2021-07-01T10:00:00",
            Some(1_625_158_800 * MICROS_PER_SECOND),
        ),
        // Clocks went back: the first 01:30 of the day. Clocks went forward: 02:30 reads 03:30.
        (
            "2021-11-07T01:30:00",
            Some(1_636_273_800 * MICROS_PER_SECOND),
        ),
        (
            "2021-03-14T02:30:00",
            Some(1_615_717_800 * MICROS_PER_SECOND),
        ),
        ("1970-01-01T00:00:00.0000001Z", None),
        ("1970-01-01T24:00:00Z", None),
        ("1970-01-01T00:60:00Z", None),
        ("1970-01-01T00Z", None),
        ("1970-01-01T00:00:00 Mars", None),
        ("1970-01-01T00:00:00+19:00", None),
        ("1970-01-01T00:00:00+", None),
        ("1970-01-01T", None),
    ];
    for (text, expected) in cases {
        assert_eq!(timestamp(text, zone), expected, "{text}");
    }
}

#[test]
fn zones_are_regions_or_offsets() {
    let local = NaiveDateTime::default();
    let cases = [
        ("Etc/UTC", Some(0)),
        ("UTC", Some(0)),
        ("Asia/Kolkata", Some(-11 * HOUR / 2)),
        ("+5:30", Some(-11 * HOUR / 2)),
        ("-08:00", Some(8 * HOUR)),
        ("+01:00:01", Some(-HOUR - MICROS_PER_SECOND)),
        ("Mars/Olympus", None),
        ("5:30", None),
        ("+1:2:3:4", None),
    ];
    for (name, expected) in cases {
        assert_eq!(
            Zone::parse(name).and_then(|zone| zone.micros(local)),
            expected,
            "{name}"
        );
    }
    assert_eq!(timestamp("1970-01-01T00:00:00", None), None);
    assert_eq!(timestamp("1970-01-01T00:00:00Z", None), Some(0));
}

#[test]
fn local_timestamps_have_no_offset() {
    assert_eq!(timestamp_ntz("1970-01-01T00:00:01.5"), Some(1_500_000));
    assert_eq!(
        timestamp_ntz("9999-12-31 23:59:59.999999"),
        Some(253_402_300_799_999_999)
    );
    assert_eq!(timestamp_ntz("1970-01-01T00:00:01Z"), None);
}

#[test]
fn decimals_are_exact() {
    let cases = [
        ("0", 10, 2, Some(0)),
        ("-0.00", 10, 2, Some(0)),
        ("0E-18", 38, 18, Some(0)),
        ("1.5", 10, 2, Some(150)),
        ("-1.50", 10, 2, Some(-150)),
        ("+.5", 10, 2, Some(50)),
        ("7.", 10, 2, Some(700)),
        ("1.5000", 10, 2, Some(150)),
        ("1.2E3", 10, 2, Some(120_000)),
        ("1200E-3", 10, 2, Some(120)),
        ("99999999.99", 10, 2, Some(9_999_999_999)),
        ("00099999999.99", 10, 2, Some(9_999_999_999)),
        (
            "99999999999999999999999999999999999999",
            38,
            0,
            Some(10_i128.pow(38) - 1),
        ),
        (
            "-0.99999999999999999999999999999999999999",
            38,
            38,
            Some(1 - 10_i128.pow(38)),
        ),
        ("100000000.00", 10, 2, None),
        ("1.505", 10, 2, None),
        ("1E99999999999", 10, 2, None),
        ("1E2147483647", 10, 2, None),
        ("1E-2147483648", 10, 2, None),
        ("", 10, 2, None),
        (".", 10, 2, None),
        ("1,5", 10, 2, None),
        ("--1", 10, 2, None),
        ("1 ", 10, 2, None),
        ("NaN", 10, 2, None),
        ("٣", 10, 2, None),
    ];
    for (text, precision, scale, expected) in cases {
        assert_eq!(decimal(text, precision, scale), expected, "{text}");
    }
}

#[test]
fn year_month_intervals_come_in_two_spellings() {
    let cases = [
        ("100-0", Some(1200)),
        ("1-2", Some(14)),
        ("-1-2", Some(-14)),
        ("INTERVAL '100-0' YEAR TO MONTH", Some(1200)),
        ("interval '-1-2' year to month", Some(-14)),
        ("INTERVAL -'1-2' YEAR TO MONTH", Some(-14)),
        ("INTERVAL '5' YEAR", Some(60)),
        ("INTERVAL '-14' MONTH", Some(-14)),
        ("1-12", None),
        ("1", None),
        ("1-2-3", None),
        ("INTERVAL '1' DAY", None),
        ("INTERVAL '1-2' MONTH TO YEAR", None),
        ("INTERVAL '1-2' YEAR", None),
        ("INTERVAL '1-2", None),
        ("999999999-0", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(year_month(text), expected, "{text}");
    }
}

#[test]
fn day_time_intervals_come_in_two_spellings() {
    let cases = [
        (
            "3 04:30:20.123000000",
            Some((76 * 3600 + 1820) * 1_000_000 + 123_000),
        ),
        ("-0 00:00:01.000000000", Some(-1_000_000)),
        ("-1 00:00:00.000005000", Some(-24 * HOUR - 5)),
        (
            "INTERVAL '3 04:30:20.123' DAY TO SECOND",
            Some((76 * 3600 + 1820) * 1_000_000 + 123_000),
        ),
        ("INTERVAL '-3' DAY", Some(-72 * HOUR)),
        ("INTERVAL '1 02' DAY TO HOUR", Some(26 * HOUR)),
        ("INTERVAL '30:00' HOUR TO MINUTE", Some(30 * HOUR)),
        ("INTERVAL '90:01.5' MINUTE TO SECOND", Some(5_401_500_000)),
        ("INTERVAL '100.000001' SECOND", Some(100_000_001)),
        ("INTERVAL -'-1' SECOND", Some(1_000_000)),
        ("3 24:00:00", None),
        ("3 00:00:60", None),
        ("3 00:00:00.0000001", None),
        ("3", None),
        ("106751992 00:00:00", None),
        ("INTERVAL '1' YEAR", None),
        ("INTERVAL '1.5' DAY", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(day_time(text), expected, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn printed_decimals_come_back(value in -10_i128.pow(38) + 1..10_i128.pow(38), scale in 0..=38_i8) {
        let digits = format!("{:039}", value.unsigned_abs());
        let (whole, fraction) = digits.split_at(39 - usize::try_from(scale).unwrap());
        let text = format!("{}{whole}.{fraction}", if value < 0 { "-" } else { "" });
        prop_assert_eq!(decimal(&text, 38, scale), Some(value));
    }

    #[test]
    fn printed_timestamps_come_back(
        micros in -62_135_596_800_000_000..253_402_300_800_000_000_i64, minutes in -720..=720_i32,
    ) {
        let utc = chrono::DateTime::from_timestamp_micros(micros).unwrap();
        let local = utc.naive_utc().format("%Y-%m-%d %H:%M:%S%.6f").to_string();
        prop_assert_eq!(timestamp_ntz(&local), Some(micros));
        let offset = chrono::FixedOffset::east_opt(minutes * 60).unwrap();
        let text = utc.with_timezone(&offset).to_rfc3339();
        prop_assert_eq!(timestamp(&text, None), Some(micros));
    }

    #[test]
    fn texts_never_panic(text in "(INTERVAL '|' DAY TO SECOND|[-+0-9eE.:TZ ']|.){0,24}") {
        let zone = Zone::parse(&text).or(Some(Zone::Fixed(0)));
        let _ = (date(&text), timestamp(&text, zone), timestamp_ntz(&text));
        let _ = (decimal(&text, 38, 10), year_month(&text), day_time(&text));
    }
}
