//! Values as the service reads them.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

/// A number as the service reads it; what overflows is refused.
pub(super) fn float(value: &str, parse: impl Fn(&str) -> Option<f64>) -> Option<String> {
    let number = parse(value)?;
    let written_out = value.trim_start_matches(['+', '-']).to_ascii_lowercase();
    Some(match written_out.as_str() {
        "nan" => "NaN".to_owned(),
        "inf" | "infinity" if number > 0.0 => "Infinity".to_owned(),
        "inf" | "infinity" => "-Infinity".to_owned(),
        _ if number.is_finite() => value.to_owned(),
        _ => return None,
    })
}

const MOST_DIGITS: i64 = 38;

/// Digits without exponent. A scale too small for the value is widened, never the value cut; too many digits in front
/// of the point are refused, as the service refuses them. With an exponent the type is widened for them, too: the
/// official connector declares such values by the number of their characters.
///
/// # Errors
/// Why it is no value of the type, as the end of a sentence.
pub(super) fn decimal(
    value: &str,
    declared: Option<(i64, i64)>,
) -> Result<(String, Option<String>), String> {
    let Digits {
        sign,
        whole,
        fraction,
        is_scientific,
    } = Digits::parse(value).ok_or_else(String::new)?;
    let count = |digits: &str| i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let (before, after) = (count(&whole), count(&fraction));
    let (precision, scale) = match declared {
        Some((precision, scale)) if before > precision - scale && !is_scientific => {
            let room = precision - scale;
            return Err(format!(
                ", which has {room} digits in front of the point, and not {before}"
            ));
        }
        Some((precision, scale)) if after <= scale && before <= precision - scale => {
            (precision, scale)
        }
        Some((_, scale)) => (before + after.max(scale), after.max(scale)),
        None => ((before + after).max(1), after),
    };
    if precision > MOST_DIGITS {
        let all = before + after;
        return Err(format!(
            ": it has {all} digits, and {MOST_DIGITS} are the most"
        ));
    }
    let whole = if whole.is_empty() { "0" } else { &whole };
    let point = if fraction.is_empty() { "" } else { "." };
    let text = format!("{sign}{whole}{point}{fraction}");
    Ok((format!("DECIMAL({precision},{scale})"), Some(text)))
}

/// A number by its digits on both sides of the point, without zeros in front.
struct Digits {
    sign: &'static str,
    whole: String,
    fraction: String,
    /// It was written with an exponent.
    is_scientific: bool,
}

impl Digits {
    fn parse(value: &str) -> Option<Self> {
        let (sign, unsigned) = match value.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", value.strip_prefix('+').unwrap_or(value)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent.parse::<i64>().ok()?)),
            None => (unsigned, None),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let shift = exponent.unwrap_or_default();
        if !all_digits || shift.abs() > MOST_DIGITS * 2 {
            return None;
        }
        // Where the point goes among the digits; it may stand outside of them.
        let point = i64::try_from(whole.len()).ok()? + shift;
        let length = i64::try_from(digits.len()).ok()?;
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
        let (whole, fraction) = if point <= 0 {
            (String::new(), zeros(-point) + &digits)
        } else if point >= length {
            (digits + &zeros(point - length), String::new())
        } else {
            let (whole, fraction) = digits.split_at(usize::try_from(point).ok()?);
            (whole.to_owned(), fraction.to_owned())
        };
        Some(Self {
            sign,
            whole: whole.trim_start_matches('0').to_owned(),
            fraction,
            is_scientific: exponent.is_some(),
        })
    }
}

pub(super) fn date(value: &str) -> Option<String> {
    let date = NaiveDate::parse_from_str(value, "%Y-%m-%d").ok()?;
    Some(date.format("%Y-%m-%d").to_string())
}

/// A date and time. The offset names the instant and is kept, except for types that know none.
pub(super) fn timestamp(value: &str, keeps_offset: bool) -> Option<String> {
    let value = value.trim();
    if let Some(date) = date(value) {
        return Some(date);
    }
    let (day, time) = value.split_once(['T', 't', ' '])?;
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    let end = time.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.');
    let (time, offset) = time.split_at(end.unwrap_or(time.len()));
    let time = NaiveTime::parse_from_str(time, "%H:%M:%S%.f").ok()?;
    let local = NaiveDateTime::new(day, time).format("%Y-%m-%dT%H:%M:%S%.f");
    let offset = normalised_offset(offset.trim())?;
    Some(if keeps_offset {
        format!("{local}{offset}")
    } else {
        local.to_string()
    })
}

/// Nothing, `Z` or `+hh:mm`.
fn normalised_offset(offset: &str) -> Option<String> {
    if offset.is_empty() {
        return Some(String::new());
    }
    if offset.eq_ignore_ascii_case("z") || offset == "UTC" {
        return Some("Z".to_owned());
    }
    let sign = offset.chars().next().filter(|sign| "+-".contains(*sign))?;
    let rest = &offset[1..];
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (hours, minutes.strip_suffix(":00").unwrap_or(minutes)),
        None if rest.len() == 4 => rest.split_at(2),
        None => (rest, "00"),
    };
    let number = |text: &str, most: u8| {
        let digits =
            (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .then(|| text.parse::<u8>().ok())?
            .filter(|number| *number <= most)
    };
    Some(format!(
        "{sign}{:02}:{:02}",
        number(hours, 18)?,
        number(minutes, 59)?
    ))
}

/// Extended well-known text; what the type and the text say of the reference system must agree.
pub(super) fn geospatial(value: &str, declared: Option<i64>) -> Option<String> {
    let named = match value.trim().get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("SRID=") => {
            let (number, _) = value.trim()[5..].split_once(';')?;
            Some(number.trim().parse::<i64>().ok()?)
        }
        _ => None,
    };
    match (declared, named) {
        (Some(declared), Some(named)) if declared != named => None,
        (Some(declared), None) => Some(format!("SRID={declared};{value}")),
        _ => Some(value.to_owned()),
    }
}
