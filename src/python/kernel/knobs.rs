//! Settings in `session_conf` that are ours and not the service's.

use std::collections::BTreeMap;

/// What the settings say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Knobs {
    pub(super) external_links: Option<bool>,
    pub(super) complex_types_as_json: Option<bool>,
    pub(super) intervals_as_string: Option<bool>,
}

/// Bounds of the official kernel on chunks; ours is a bound on bytes.
const NUMBERS: [&str; 3] = [
    "cloudfetch_link_prefetch_window",
    "cloudfetch_max_chunks_in_memory",
    "inline_max_chunks_in_memory",
];

impl Knobs {
    /// Takes our settings out of the service's. A value that cannot be read changes nothing.
    pub(super) fn take(settings: &mut BTreeMap<String, String>) -> Self {
        let mut flag = |name: &str| {
            let value = settings.remove(name)?;
            let read = match value.to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            };
            if read.is_none() {
                tracing::warn!("the setting {name} is neither true nor false; it is ignored");
            }
            read
        };
        let knobs = Self {
            external_links: flag("cloudfetch_enabled"),
            complex_types_as_json: flag("complex_types_as_json"),
            intervals_as_string: flag("intervals_as_string"),
        };
        for name in NUMBERS {
            if let Some(value) = settings.remove(name)
                && value.parse::<u32>().is_err()
            {
                tracing::warn!("the setting {name} is no number; it is ignored");
            }
        }
        knobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_settings_are_not_sent() {
        let mut settings: BTreeMap<String, String> = [
            ("cloudfetch_enabled", "False"),
            ("intervals_as_string", "maybe"),
            ("cloudfetch_max_chunks_in_memory", "x"),
            ("TIMEZONE", "UTC"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let knobs = Knobs::take(&mut settings);
        let expected = Knobs {
            external_links: Some(false),
            ..Knobs::default()
        };
        assert_eq!(knobs, expected);
        assert_eq!(settings.keys().collect::<Vec<_>>(), ["TIMEZONE"]);
    }
}
