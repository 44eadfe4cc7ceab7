//! Patterns: those of LIKE, which users write, and those of SHOW, which the service reads.

use crate::client::{Error, Result};

/// Longest pattern that is taken, in bytes.
const LONGEST: usize = 255;

/// One step of a pattern of LIKE.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Any,
    One,
    Char(char),
}

/// The steps of a pattern; a backslash takes the meaning from the character after it.
fn steps(pattern: &str) -> Vec<Step> {
    let mut chars = pattern.chars().peekable();
    let mut steps = Vec::new();
    while let Some(c) = chars.next() {
        steps.push(match c {
            '%' | '*' => Step::Any,
            '_' => Step::One,
            '\\' => match chars.next_if(|next| "%_\\*".contains(*next)) {
                Some(next) => Step::Char(next),
                None => Step::Char('\\'),
            },
            _ => Step::Char(c),
        });
    }
    steps
}

/// Whether a catalog's name stands for all of them, where names are no patterns.
#[must_use]
pub fn is_all_catalogs(name: &str) -> bool {
    matches!(name, "%" | "*")
}

/// A text with a backslash in front of each underscore that has none.
#[must_use]
pub fn escape_underscores(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    let mut is_escaped = false;
    for letter in text.chars() {
        if letter == '_' && !is_escaped {
            pattern.push('\\');
        }
        is_escaped = letter == '\\' && !is_escaped;
        pattern.push(letter);
    }
    pattern
}

/// Whether a pattern can match more than one text.
pub(super) fn is_wild(pattern: &str) -> bool {
    steps(pattern)
        .iter()
        .any(|step| matches!(step, Step::Any | Step::One))
}

/// The one text that a pattern without wildcards matches.
pub(super) fn unescaped(pattern: &str) -> String {
    let text = |step: &Step| match step {
        Step::Char(c) => Some(*c),
        Step::Any | Step::One => None,
    };
    steps(pattern).iter().filter_map(text).collect()
}

/// Refuses patterns that cannot be meant.
pub(super) fn check(pattern: &str, what: &str) -> Result<()> {
    let wrong = if !pattern.is_empty() && pattern.trim().is_empty() {
        "is blank; pass None for everything"
    } else if pattern.contains('\0') {
        "holds a NUL character"
    } else if pattern.len() > LONGEST {
        "is longer than 255 bytes"
    } else {
        return Ok(());
    };
    Err(Error::invalid_argument(format!(
        "the {what} pattern {wrong}"
    )))
}

/// The pattern as SHOW statements write it. They have no way to write what means something to them; any one character
/// stands for it then, so that they may find more than is wanted: see `is_loose`.
pub(super) fn show_pattern(pattern: &str) -> String {
    steps(pattern)
        .into_iter()
        .map(|step| match step {
            Step::Any => "*".to_owned(),
            Step::One => ".".to_owned(),
            Step::Char(c) if is_special(c) => ".".to_owned(),
            Step::Char('\'') => "''".to_owned(),
            Step::Char(c) => c.to_string(),
        })
        .collect()
}

/// Whether a character means something in the patterns of SHOW, which are regular expressions but for `*` and `|`, and
/// taken without the blanks around them.
fn is_special(c: char) -> bool {
    c.is_whitespace() || "\\*.|+?()[]{}^$".contains(c)
}

/// Whether SHOW may find more by a pattern than it matches.
pub(super) fn is_loose(pattern: &str) -> bool {
    let is_loose = |step: &Step| matches!(step, Step::Char(c) if is_special(*c));
    steps(pattern).iter().any(is_loose)
}

/// Whether `text` matches a pattern of LIKE, without regard to case.
#[must_use]
pub fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let steps = steps(&pattern.to_lowercase());
    // The last `%` is where to go on when the steps after it do not match here.
    let (mut at, mut step, mut retry) = (0, 0, None);
    while at < text.len() {
        match steps.get(step) {
            Some(Step::Any) => {
                step += 1;
                retry = Some((at, step));
            }
            Some(Step::One) => (at, step) = (at + 1, step + 1),
            Some(Step::Char(c)) if *c == text[at] => (at, step) = (at + 1, step + 1),
            _ => match &mut retry {
                Some((from, after)) => {
                    *from += 1;
                    (at, step) = (*from, *after);
                }
                None => return false,
            },
        }
    }
    steps[step..].iter().all(|step| *step == Step::Any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wildcards_match_and_escaped_ones_do_not() {
        let cases = [
            ("main", "main", true),
            ("main", "MA%", true),
            ("main", "m__n", true),
            ("main", "m_n", false),
            ("my_cat", "my\\_cat", true),
            ("myxcat", "my\\_cat", false),
            ("a%b", "a\\%b", true),
            ("axxb", "a%b", true),
            ("abab", "%ab", true),
            ("", "%", true),
            ("", "", true),
            ("a", "", false),
            ("a", "%%_%", true),
        ];
        for (text, pattern, matches) in cases {
            assert_eq!(like(text, pattern), matches, "{text} {pattern}");
        }
    }

    #[test]
    fn patterns_are_rewritten_for_show() {
        let cases = [
            ("a%b_c", "a*b.c"),
            ("a\\%b\\_c", "a%b_c"),
            ("it's", "it''s"),
            ("back\\slash", "back.slash"),
            ("two\\\\", "two."),
            ("\\*.|+?()[]{}^$", "............."),
            (" a b ", ".a.b."),
        ];
        for (pattern, shown) in cases {
            assert_eq!(show_pattern(pattern), shown, "{pattern}");
        }
    }

    #[test]
    fn what_show_cannot_write_makes_a_pattern_loose() {
        for pattern in ["a\\*b", "a.b", "a|b", "a+", "a$1", "a\\b", " a"] {
            assert!(is_loose(pattern), "{pattern}");
        }
        for pattern in ["", "%", "a*", "my\\_cat", "it's", "a-b", "größe", "a\\%"] {
            assert!(!is_loose(pattern), "{pattern}");
        }
    }

    #[test]
    fn only_unescaped_wildcards_are_wild() {
        assert!(is_wild("a%") && is_wild("a_b") && is_wild("*"));
        assert!(!is_wild("my\\_cat") && !is_wild("main"));
        assert_eq!(unescaped("my\\_cat"), "my_cat");
    }

    #[test]
    fn blank_and_endless_patterns_are_refused() {
        for pattern in [" ", "\t", "a\0", &"x".repeat(256)] {
            assert!(check(pattern, "schema").is_err(), "{pattern:?}");
        }
        assert!(check("", "schema").is_ok());
    }

    proptest! {
        #[test]
        fn an_escaped_text_matches_itself_alone(text in "[a-z%_\\\\*']{0,12}", other in "[a-z_%]{0,12}") {
            let escaped: String = text
                .chars()
                .flat_map(|c| if "%_\\*".contains(c) { vec!['\\', c] } else { vec![c] })
                .collect();
            prop_assert!(like(&text, &escaped));
            prop_assert_eq!(like(&other, &escaped), other == text);
        }
    }

    #[test]
    fn underscores_are_escaped_once() {
        let cases = [
            ("main", "main"),
            ("a_b", r"a\_b"),
            (r"a\_b", r"a\_b"),
            (r"a\\_b", r"a\\\_b"),
            ("_%", r"\_%"),
        ];
        for (given, expected) in cases {
            assert_eq!(escape_underscores(given), expected);
        }
    }
}
