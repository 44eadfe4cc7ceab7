//! The texts of intervals.

use std::fmt::Write;

/// Years and months: `1-2` or `-1-2`.
#[must_use]
pub fn year_month_text(months: i64) -> String {
    let sign = if months < 0 { "-" } else { "" };
    let months = months.unsigned_abs();
    format!("{sign}{}-{}", months / 12, months % 12)
}

/// Days, time and nanoseconds: `3 04:05:06.000000000`, the sign first.
#[must_use]
pub fn day_time_text(nanoseconds: i128) -> String {
    let mut text = String::with_capacity(24);
    write_day_time(&mut text, nanoseconds);
    text
}

pub(super) fn write_day_time(text: &mut String, nanoseconds: i128) {
    const SECOND: u128 = 1_000_000_000;
    if nanoseconds < 0 {
        text.push('-');
    }
    let nanoseconds = nanoseconds.unsigned_abs();
    let (seconds, fraction) = (nanoseconds / SECOND, nanoseconds % SECOND);
    let (minutes, second) = (seconds / 60, seconds % 60);
    let (hours, minute) = (minutes / 60, minutes % 60);
    let (days, hour) = (hours / 24, hours % 24);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "{days} {hour:02}:{minute:02}:{second:02}.{fraction:09}"
    );
}

/// Months, days and nanoseconds, each with its own sign: `1-2 3 04:05:06.000000000`.
pub(super) fn month_day_nano_text(months: i32, days: i32, nanoseconds: i64) -> String {
    const DAY: i128 = 86_400_000_000_000;
    let mut text = String::new();
    if months != 0 {
        text = year_month_text(months.into());
        if days == 0 && nanoseconds == 0 {
            return text;
        }
        text.push(' ');
    }
    write_day_time(&mut text, i128::from(days) * DAY + i128::from(nanoseconds));
    text
}
