//! SQL text cut into pieces, as far as it takes to tell code from quoted text and comments.

use std::ops::Range;

/// What a piece of SQL text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// White space or a comment.
    Space,
    /// A keyword or a name without quotes.
    Word,
    /// A number.
    Number,
    /// Text in single, double or dollar quotes, raw strings among them.
    Text,
    /// A name in back-quotes.
    QuotedName,
    /// `::`
    Cast,
    /// Any other character.
    Symbol(char),
}

/// A piece of SQL text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// The pieces of a text, in order; together they are the whole of it.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    sql: &'a str,
    at: usize,
    /// Dollar tags that nothing closed.
    unclosed: usize,
}

/// After so many dollar tags that nothing closes, none is looked for any more: each search goes to the end.
const MOST_UNCLOSED: usize = 16;

impl<'a> Lexer<'a> {
    pub(super) fn new(sql: &'a str) -> Self {
        Self {
            sql,
            at: 0,
            unclosed: 0,
        }
    }

    /// A text in dollar quotes, or else a dollar sign.
    fn dollar(&mut self, rest: &str) -> (Kind, usize) {
        if self.unclosed < MOST_UNCLOSED
            && let Some(open) = dollar_tag(rest)
        {
            if let Some(close) = rest[open.len()..].find(open) {
                return (Kind::Text, open.len() + close + open.len());
            }
            self.unclosed += 1;
        }
        (Kind::Symbol('$'), 1)
    }

    /// Continues at a place between characters.
    pub(super) fn skip_to(&mut self, at: usize) {
        self.at = at;
    }
}

impl Iterator for Lexer<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let start = self.at;
        let rest = self.sql.get(start..)?;
        let first = rest.chars().next()?;
        let (kind, length) = if first == '$' {
            self.dollar(rest)
        } else {
            piece(rest, first)
        };
        self.at = start + length;
        Some(Piece {
            kind,
            range: start..self.at,
        })
    }
}

/// The kind and the length of what `rest` begins with.
fn piece(rest: &str, first: char) -> (Kind, usize) {
    let bytes = rest.as_bytes();
    match first {
        '\'' | '"' => (Kind::Text, quoted(bytes, 0)),
        '`' => (Kind::QuotedName, back_quoted(bytes)),
        'r' | 'R' if matches!(bytes.get(1), Some(b'\'' | b'"')) => (Kind::Text, raw(bytes)),
        '-' if bytes.get(1) == Some(&b'-') => (Kind::Space, line_comment(bytes)),
        '/' if bytes.get(1) == Some(&b'*') => (Kind::Space, bracketed_comment(bytes)),
        ':' if bytes.get(1) == Some(&b':') => (Kind::Cast, 2),
        '.' if bytes.get(1).is_some_and(u8::is_ascii_digit) => (Kind::Number, number(bytes)),
        _ if first.is_ascii_digit() => (Kind::Number, number(bytes)),
        _ if first.is_whitespace() => {
            let end = rest.find(|next: char| !next.is_whitespace());
            (Kind::Space, end.unwrap_or(rest.len()))
        }
        _ if starts_name(first) => (Kind::Word, name(rest)),
        _ => (Kind::Symbol(first), first.len_utf8()),
    }
}

/// Whether names may start with `letter`.
pub(super) fn starts_name(letter: char) -> bool {
    letter == '_' || letter.is_alphabetic()
}

/// Whether names may go on with `letter`.
pub(super) fn goes_on_name(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric() || !(letter.is_ascii() || letter.is_whitespace())
}

/// The length of the name that `rest` begins with.
pub(super) fn name(rest: &str) -> usize {
    rest.find(|next| !goes_on_name(next)).unwrap_or(rest.len())
}

/// The length of a text in quotes, with backslash escapes and doubled quotes; one that is not closed goes to the end.
fn quoted(bytes: &[u8], open: usize) -> usize {
    let quote = bytes[open];
    let mut at = open + 1;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte == b'\\' {
            at += 1;
        } else if byte == quote {
            if bytes.get(at) != Some(&quote) {
                return at;
            }
            at += 1;
        }
    }
    bytes.len()
}

/// The length of a raw string: nothing is special in it but its quote.
fn raw(bytes: &[u8]) -> usize {
    end_of(bytes, 2, &bytes[1..2])
}

fn back_quoted(bytes: &[u8]) -> usize {
    let mut at = 1;
    loop {
        at = end_of(bytes, at, b"`");
        if bytes.get(at) != Some(&b'`') {
            return at;
        }
        at += 1;
    }
}

/// The length of a comment that ends with its line; a backslash before the end continues it.
fn line_comment(bytes: &[u8]) -> usize {
    let mut at = 2;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if bytes.get(at + 1) == Some(&b'\n') => at += 2,
            b'\n' | b'\r' => break,
            _ => at += 1,
        }
    }
    at
}

/// The length of a comment in brackets, which may hold others.
fn bracketed_comment(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'/'), Some(b'*')) => (at, depth) = (at + 2, depth + 1),
            (Some(b'*'), Some(b'/')) => (at, depth) = (at + 2, depth - 1),
            (Some(_), _) => at += 1,
            (None, _) => return bytes.len(),
        }
    }
    at
}

/// `$$` or `$tag$`
pub(super) fn dollar_tag(rest: &str) -> Option<&str> {
    let tag = rest[1..].find(|next: char| !next.is_ascii_alphabetic())? + 1;
    rest.get(..=tag).filter(|open| open.ends_with('$'))
}

fn number(bytes: &[u8]) -> usize {
    let digits = |at: usize| at + digits(&bytes[at.min(bytes.len())..]);
    let mut at = digits(0);
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
            at = digits(at + 1 + sign);
        }
    }
    let suffix = bytes[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphabetic());
    at + suffix.count()
}

fn digits(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

/// The place after the next `end` from `at` on, or the end of all.
fn end_of(bytes: &[u8], at: usize, end: &[u8]) -> usize {
    bytes[at.min(bytes.len())..]
        .iter()
        .position(|byte| end.contains(byte))
        .map_or(bytes.len(), |found| at + found + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Kind, Lexer};

    fn pieces(sql: &str) -> Vec<(Kind, &str)> {
        Lexer::new(sql)
            .map(|piece| (piece.kind, &sql[piece.range]))
            .collect()
    }

    #[test]
    fn quoted_text_is_one_piece() {
        for text in [
            "'a'",
            "''",
            "'it''s'",
            r"'it\'s'",
            r"'\\'",
            r#""a ""b"" \" c""#,
            r"r'\'",
            r#"R"a\""#,
            "$$ it's ? :a $ $$",
            "$py$ $$ $py$",
            "'unclosed ? \\",
        ] {
            assert_eq!(pieces(text), [(Kind::Text, text)]);
        }
        assert_eq!(
            pieces("`a``b` "),
            [(Kind::QuotedName, "`a``b`"), (Kind::Space, " ")]
        );
    }

    #[test]
    fn what_follows_quoted_text_is_not_part_of_it() {
        assert_eq!(
            pieces(r"r'\'?"),
            [(Kind::Text, r"r'\'"), (Kind::Symbol('?'), "?")]
        );
        assert_eq!(pieces("bar'x'"), [(Kind::Word, "bar"), (Kind::Text, "'x'")]);
        assert_eq!(pieces("$a")[0], (Kind::Symbol('$'), "$"));
    }

    #[test]
    fn comments_are_space() {
        for comment in [
            "-- it's ? :a",
            "--",
            "-- goes on \\\n here ?",
            "/* it's /* nested ? */ :a */",
            "/* unclosed /* ? */",
            "/**/",
        ] {
            assert_eq!(pieces(comment), [(Kind::Space, comment)]);
        }
        assert_eq!(pieces("-- a\n?").len(), 3);
    }

    #[test]
    fn numbers_are_one_piece() {
        for number in [
            "0", "12", "1.5", ".5", "5.", "1e5", "1.5E-10", "10L", "1.5BD",
        ] {
            assert_eq!(pieces(number), [(Kind::Number, number)]);
        }
        assert_eq!(pieces("1-1").len(), 3);
    }

    proptest! {
        #[test]
        fn pieces_are_the_whole_text(sql in "[-a'\"`$/*?:%\\\\\nrR ü1.e]{0,40}") {
            let whole: String = pieces(&sql).into_iter().map(|(_, text)| text).collect();
            prop_assert_eq!(whole, sql);
        }

        #[test]
        fn any_text_ends(sql in any::<String>()) {
            prop_assert!(pieces(&sql).len() <= sql.len());
        }
    }
}
