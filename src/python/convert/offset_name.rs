//! Names of time zones that say their offset.

/// Whether `name` is one of the names of UTC.
pub(super) fn is_utc(name: &str) -> bool {
    const NAMES: [&str; 13] = [
        "UTC",
        "Z",
        "GMT",
        "UCT",
        "UT",
        "Zulu",
        "Universal",
        "Greenwich",
        "Etc/UTC",
        "Etc/UCT",
        "Etc/GMT",
        "Etc/Zulu",
        "Etc/Universal",
    ];
    NAMES.iter().any(|utc| utc.eq_ignore_ascii_case(name))
}

/// The offset in seconds that a name like `+05:30`, `-8` or `UTC+1` says.
pub(super) fn seconds(name: &str) -> Option<i32> {
    let offset = ["UTC", "GMT", "UT"]
        .iter()
        .find_map(|utc| name.strip_prefix(utc))
        .unwrap_or(name);
    let (sign, digits) = match offset.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let parts: Vec<&str> = match digits.len() {
        4 | 6 if !digits.contains(':') => (0..digits.len() / 2)
            .map(|pair| digits.get(2 * pair..2 * pair + 2))
            .collect::<Option<_>>()?,
        _ => digits.split(':').collect(),
    };
    let mut total = 0;
    for (at, limit) in [23, 59, 59].into_iter().enumerate() {
        total = total * 60 + parts.get(at).map_or(Some(0), |part| number(part, limit))?;
    }
    (parts.len() <= 3).then_some(sign * total)
}

/// A number of one or two digits that is at most `limit`.
fn number(digits: &str, limit: i32) -> Option<i32> {
    let proper = matches!(digits.len(), 1 | 2) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .parse()
        .ok()
        .filter(|number| proper && *number <= limit)
}

#[cfg(test)]
mod tests {
    use super::{is_utc, seconds};

    #[test]
    fn offsets_are_read_in_all_spellings() {
        for name in [
            "+05:30",
            "+5:30",
            "+0530",
            "+05:30:00",
            "UTC+5:30",
            "GMT+05:30",
        ] {
            assert_eq!(seconds(name), Some(19_800), "{name}");
        }
        assert_eq!(seconds("-8"), Some(-28_800));
        assert_eq!(seconds("-00:00:01"), Some(-1));
    }

    #[test]
    fn other_names_are_no_offsets() {
        for name in [
            "",
            "UTC",
            "Z",
            "+",
            "+24",
            "+5:60",
            "+1:2:3:4",
            "+é",
            "Etc/GMT+5",
            "+ 5",
        ] {
            assert_eq!(seconds(name), None, "{name}");
        }
        assert!(is_utc("Etc/UTC") && is_utc("utc") && !is_utc("Europe/London"));
    }
}
