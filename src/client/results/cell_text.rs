//! The texts of single values in the JSON format, to the numbers that Arrow holds.
//!
//! Every function answers `None` for a text that is not exactly a value of its type: nothing is
//! rounded, cut or guessed.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;

const MICROS_PER_SECOND: i64 = 1_000_000;
/// Names of the fields of day-time intervals, and how many of each make one of the field before.
const DAY_TIME: [(&str, i64); 4] = [
    ("DAY", i64::MAX),
    ("HOUR", 24),
    ("MINUTE", 60),
    ("SECOND", 60),
];
const YEAR_MONTH: [(&str, i64); 2] = [("YEAR", i64::MAX), ("MONTH", 12)];

/// Days since 1970-01-01.
pub(super) fn date(text: &str) -> Option<i32> {
    let days = calendar_day(text)?
        .signed_duration_since(NaiveDate::default())
        .num_days();
    i32::try_from(days).ok()
}

/// Microseconds since 1970 of a local date and time, which has no offset.
pub(super) fn timestamp_ntz(text: &str) -> Option<i64> {
    let (local, rest) = local_time(text)?;
    rest.is_empty().then(|| local.and_utc().timestamp_micros())
}

/// Microseconds since 1970 in UTC; a text without offset is in `zone`.
pub(super) fn timestamp(text: &str, zone: Option<Zone>) -> Option<i64> {
    let (local, rest) = local_time(text)?;
    let zone = if rest.is_empty() {
        zone?
    } else {
        Zone::fixed(rest.trim_start())?
    };
    zone.micros(local)
}

/// Where a local time is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Zone {
    /// So many seconds east of UTC.
    Fixed(i64),
    /// A region.
    Region(Tz),
}

impl Zone {
    /// Reads the name of a region, or an offset such as `Z`, `+05:30` or `+5:30`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        name.parse()
            .ok()
            .map(Self::Region)
            .or_else(|| Self::fixed(name))
    }

    fn fixed(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("z") || text == "UTC" {
            return Some(Self::Fixed(0));
        }
        let (sign, magnitude) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+')?),
        };
        let mut seconds = 0;
        let mut unit = 3600;
        for part in magnitude.split(':') {
            let value = digits(part).filter(|value| part.len() <= 2 && unit > 0 && *value < 60)?;
            seconds += value * unit;
            unit /= 60;
        }
        (seconds <= 18 * 3600).then_some(Self::Fixed(sign * seconds))
    }

    fn micros(self, local: NaiveDateTime) -> Option<i64> {
        let offset = match self {
            Self::Fixed(seconds) => seconds,
            Self::Region(zone) => region_offset(zone, local)?,
        };
        local
            .and_utc()
            .timestamp_micros()
            .checked_sub(offset * MICROS_PER_SECOND)
    }
}

/// The offset of `local`. Of two the earlier instant is meant; in a gap clocks go on as before it.
fn region_offset(zone: Tz, local: NaiveDateTime) -> Option<i64> {
    let at = |local: NaiveDateTime| zone.offset_from_local_datetime(&local).earliest();
    let before = || at(local.checked_sub_days(Days::new(1))?);
    let offset = at(local).or_else(before)?;
    Some(offset.fix().local_minus_utc().into())
}

/// The date and time at the start of `text`, and what follows them.
fn local_time(text: &str) -> Option<(NaiveDateTime, &str)> {
    let Some((day, time)) = text.split_once(['T', ' ']) else {
        return Some((calendar_day(text)?.and_time(NaiveTime::MIN), ""));
    };
    let end = time.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.');
    let (time, rest) = time.split_at(end.unwrap_or(time.len()));
    let mut parts = time.splitn(3, ':');
    let (hour, minute) = (parts.next()?, parts.next()?);
    let micros = seconds(parts.next().unwrap_or("0"))?;
    let second = u32::try_from(micros / MICROS_PER_SECOND).ok()?;
    let micro = u32::try_from(micros % MICROS_PER_SECOND).ok()?;
    let time = NaiveTime::from_hms_micro_opt(small(hour)?, small(minute)?, second, micro)?;
    Some((calendar_day(day)?.and_time(time), rest))
}

fn calendar_day(text: &str) -> Option<NaiveDate> {
    let (negative, text) = sign(text);
    let mut parts = text.split('-');
    let year = i32::try_from(digits(parts.next()?)?).ok()?;
    let (month, day) = (small(parts.next()?)?, small(parts.next()?)?);
    let date = NaiveDate::from_ymd_opt(if negative { -year } else { year }, month, day);
    date.filter(|_| parts.next().is_none())
}

/// The unscaled value of a decimal that has at most `precision` digits, `scale` after the point.
pub(super) fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let (negative, text) = sign(text);
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((text, exponent)) => (text, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    // How many zeros to append; a negative number of them is taken away.
    let zeros = i32::from(scale)
        .checked_sub(i32::try_from(fraction.len()).ok()?)?
        .checked_add(exponent)?;
    let value = if let Ok(zeros) = usize::try_from(zeros) {
        let fits = zeros.saturating_add(digits.len()) <= precision.into();
        fits.then(|| format!("{digits}{}", "0".repeat(zeros)))?
    } else {
        let cut = usize::try_from(zeros.unsigned_abs()).ok()?;
        let (kept, dropped) = digits.split_at_checked(digits.len().checked_sub(cut)?)?;
        let exact = dropped.bytes().all(|byte| byte == b'0');
        (exact && kept.len() <= precision.into()).then(|| kept.to_owned())?
    };
    let value: i128 = value.parse().ok()?;
    Some(if negative { -value } else { value })
}

/// Months of `[-]Y-M`, or of `INTERVAL '...' YEAR TO MONTH` and its shorter kinds.
pub(super) fn year_month(text: &str) -> Option<i32> {
    let interval = Interval::parse(text, &YEAR_MONTH)?;
    let values = interval.values(&['-'])?;
    let months = values.iter().zip([12, 1].iter().skip(interval.first));
    let months: i128 = months
        .map(|(text, unit)| Some(i128::from(digits(text)?) * unit))
        .sum::<Option<_>>()?;
    i32::try_from(interval.signed(months)).ok()
}

/// Microseconds of `[-]D HH:MM:SS.n`, or of `INTERVAL '...' DAY TO SECOND` and its shorter kinds.
pub(super) fn day_time(text: &str) -> Option<i64> {
    const UNITS: [i128; 4] = [86_400_000_000, 3_600_000_000, 60_000_000, 1];
    let interval = Interval::parse(text, &DAY_TIME)?;
    let values = interval.values(&[' ', ':'])?;
    let mut micros = 0;
    for (at, text) in (interval.first..).zip(values) {
        let value = if DAY_TIME[at].0 == "SECOND" {
            seconds(text)?
        } else {
            digits(text)?
        };
        micros += i128::from(value) * UNITS[at];
    }
    i64::try_from(interval.signed(micros)).ok()
}

/// An interval taken apart into its sign, its text and the fields which that text has.
struct Interval<'a> {
    negative: bool,
    text: &'a str,
    fields: &'static [(&'static str, i64)],
    /// The place of the first field among all fields.
    first: usize,
}

impl<'a> Interval<'a> {
    fn parse(text: &'a str, fields: &'static [(&'static str, i64)]) -> Option<Self> {
        let Some(literal) = strip_word(text, "INTERVAL") else {
            let (negative, text) = sign(text);
            return Some(Self {
                negative,
                text,
                fields,
                first: 0,
            });
        };
        let (outer, literal) = sign(literal.trim_start());
        let (quoted, qualifier) = literal.strip_prefix('\'')?.split_once('\'')?;
        let (inner, text) = sign(quoted);
        let place = |name: &str| {
            fields
                .iter()
                .position(|(field, _)| field.eq_ignore_ascii_case(name))
        };
        let words: Vec<&str> = qualifier.split_ascii_whitespace().collect();
        let (first, last) = match words[..] {
            [only] => (place(only)?, place(only)?),
            [first, to, last] if to.eq_ignore_ascii_case("TO") => (place(first)?, place(last)?),
            _ => return None,
        };
        Some(Self {
            negative: outer != inner,
            text,
            fields: fields.get(first..=last)?,
            first,
        })
    }

    /// The text of each field; all but the first must be within their limits.
    fn values(&self, separators: &[char]) -> Option<Vec<&'a str>> {
        let values: Vec<&str> = self.text.split(separators).collect();
        let within = |(text, (_, limit)): (&&str, &(&str, i64))| {
            let whole = text.split_once('.').map_or(*text, |(whole, _)| whole);
            digits(whole).is_some_and(|value| value < *limit)
        };
        let fits =
            values.len() == self.fields.len() && values.iter().zip(self.fields).skip(1).all(within);
        fits.then_some(values)
    }

    fn signed(&self, magnitude: i128) -> i128 {
        if self.negative { -magnitude } else { magnitude }
    }
}

/// What follows `word` at the start of `text`, in any case.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(rest)
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Microseconds of `S` or `S.f`; digits finer than those must be zeros.
fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let (micros, finer) = fraction.split_at(fraction.len().min(6));
    if !finer.bytes().all(|byte| byte == b'0') {
        return None;
    }
    let micros = digits(micros)? * 10_i64.pow(6 - u32::try_from(micros.len()).ok()?);
    digits(whole)?
        .checked_mul(MICROS_PER_SECOND)?
        .checked_add(micros)
}

fn small(text: &str) -> Option<u32> {
    digits(text)
        .filter(|_| text.len() <= 2)
        .and_then(|value| u32::try_from(value).ok())
}

/// A number of nothing but digits: no sign, no space.
fn digits(text: &str) -> Option<i64> {
    let all_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
