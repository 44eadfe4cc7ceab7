//! Well-known text to well-known binary: ISO, little-endian.

use crate::client::{Error, Result};

/// Deeper collections are refused.
const MAX_DEPTH: usize = 64;

/// A shape, and its reference system where the text names one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) reference: Option<i32>,
    pub(super) wkb: Vec<u8>,
}

/// Reads `[SRID=n;]WKT`.
///
/// # Errors
/// `DataLoss`: the service promised such a text.
pub(super) fn parse(text: &str) -> Result<Shape> {
    let refused = || Error::data_loss(format!("'{}' is no well-known text", shortened(text)));
    let trimmed = text.trim();
    let (reference, rest) = match trimmed.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("SRID=") => {
            let (number, rest) = trimmed[5..].split_once(';').ok_or_else(refused)?;
            (Some(number.trim().parse().map_err(|_| refused())?), rest)
        }
        _ => (None, trimmed),
    };
    let mut parser = Parser { rest };
    let mut wkb = Vec::new();
    parser.geometry(&mut wkb, 0).ok_or_else(refused)?;
    parser.skip_space();
    if !parser.rest.is_empty() {
        return Err(refused());
    }
    Ok(Shape { reference, wkb })
}

fn shortened(text: &str) -> String {
    let mut start: String = text.chars().take(40).collect();
    if start.len() < text.len() {
        start.push_str("...");
    }
    start
}

/// How many numbers a point has, and what that adds to type numbers.
#[derive(Clone, Copy)]
struct Dimensions {
    count: usize,
    flag: u32,
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn geometry(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let (name, glued) = self.name()?;
        let code: u32 = match name.as_str() {
            "POINT" => 1,
            "LINESTRING" => 2,
            "POLYGON" => 3,
            "MULTIPOINT" => 4,
            "MULTILINESTRING" => 5,
            "MULTIPOLYGON" => 6,
            "GEOMETRYCOLLECTION" => 7,
            _ => return None,
        };
        let named = glued.or_else(|| self.dimensions());
        let dimensions = named.unwrap_or_else(|| self.dimensions_ahead());
        header(out, code + dimensions.flag);
        if self.word("EMPTY") {
            if code == 1 {
                (0..dimensions.count).for_each(|_| number(out, f64::NAN));
            } else {
                out.extend_from_slice(&0_u32.to_le_bytes());
            }
            return Some(());
        }
        match code {
            1 => {
                self.mark('(')?;
                self.point(out, dimensions)?;
                self.mark(')')
            }
            2 => self.points(out, dimensions),
            3 => self.counted(out, |parser, out| parser.points(out, dimensions)),
            4 => self.counted(out, |parser, out| {
                header(out, 1 + dimensions.flag);
                if parser.word("EMPTY") {
                    (0..dimensions.count).for_each(|_| number(out, f64::NAN));
                    return Some(());
                }
                let braced = parser.mark('(').is_some();
                parser.point(out, dimensions)?;
                if braced { parser.mark(')') } else { Some(()) }
            }),
            5 => self.counted(out, |parser, out| {
                header(out, 2 + dimensions.flag);
                parser.points(out, dimensions)
            }),
            6 => self.counted(out, |parser, out| {
                header(out, 3 + dimensions.flag);
                parser.counted(out, |parser, out| parser.points(out, dimensions))
            }),
            _ => self.counted(out, |parser, out| parser.geometry(out, depth + 1)),
        }
    }

    /// The name of a geometry in capitals; `POINTZ` and the like hold their dimensions.
    fn name(&mut self) -> Option<(String, Option<Dimensions>)> {
        self.skip_space();
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(self.rest.len());
        let name = self.take(end).to_ascii_uppercase();
        for (suffix, dimensions) in [("ZM", ZM), ("Z", Z), ("M", M)] {
            if let Some(stem) = name.strip_suffix(suffix) {
                return Some((stem.to_owned(), Some(dimensions)));
            }
        }
        (!name.is_empty()).then_some((name, None))
    }

    fn dimensions(&mut self) -> Option<Dimensions> {
        [("ZM", ZM), ("Z", Z), ("M", M)]
            .into_iter()
            .find(|(word, _)| self.word(word))
            .map(|(_, dimensions)| dimensions)
    }

    /// The dimensions of what is ahead: those that it names, or that its first point has.
    fn dimensions_ahead(&self) -> Dimensions {
        let mut ahead = Parser { rest: self.rest };
        for _ in 0..=MAX_DEPTH {
            let inside = |c: char| c == '(' || c.is_whitespace();
            ahead.rest = ahead.rest.trim_start_matches(inside);
            if ahead.word("EMPTY") {
                return XY;
            }
            let Some((_, glued)) = ahead.name() else {
                break;
            };
            if let Some(named) = glued.or_else(|| ahead.dimensions()) {
                return named;
            }
        }
        let end = ahead.rest.find([',', ')']).unwrap_or(ahead.rest.len());
        match ahead.rest[..end].split_whitespace().count() {
            3 => Z,
            4 => ZM,
            _ => XY,
        }
    }

    /// `( item, item, ... )` with the number of items before them.
    fn counted(
        &mut self,
        out: &mut Vec<u8>,
        mut item: impl FnMut(&mut Self, &mut Vec<u8>) -> Option<()>,
    ) -> Option<()> {
        let place = out.len();
        out.extend_from_slice(&0_u32.to_le_bytes());
        if self.word("EMPTY") {
            return Some(());
        }
        self.mark('(')?;
        let mut count = 0_u32;
        loop {
            item(self, out)?;
            count += 1;
            if self.mark(',').is_none() {
                break;
            }
        }
        out[place..place + 4].copy_from_slice(&count.to_le_bytes());
        self.mark(')')
    }

    fn points(&mut self, out: &mut Vec<u8>, dimensions: Dimensions) -> Option<()> {
        self.counted(out, |parser, out| parser.point(out, dimensions))
    }

    fn point(&mut self, out: &mut Vec<u8>, dimensions: Dimensions) -> Option<()> {
        for _ in 0..dimensions.count {
            self.skip_space();
            let end = self
                .rest
                .find(|c: char| c.is_whitespace() || "(),".contains(c))
                .unwrap_or(self.rest.len());
            number(out, self.take(end).parse().ok()?);
        }
        Some(())
    }

    fn word(&mut self, word: &str) -> bool {
        self.skip_space();
        let found = self
            .rest
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
            && !self.rest[word.len()..].starts_with(|c: char| c.is_ascii_alphabetic());
        if found {
            self.take(word.len());
        }
        found
    }

    fn mark(&mut self, mark: char) -> Option<()> {
        self.skip_space();
        self.rest = self.rest.strip_prefix(mark)?;
        Some(())
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

const XY: Dimensions = Dimensions { count: 2, flag: 0 };
const Z: Dimensions = Dimensions {
    count: 3,
    flag: 1000,
};
const M: Dimensions = Dimensions {
    count: 3,
    flag: 2000,
};
const ZM: Dimensions = Dimensions {
    count: 4,
    flag: 3000,
};

fn header(out: &mut Vec<u8>, code: u32) {
    const LITTLE_ENDIAN: u8 = 1;
    out.push(LITTLE_ENDIAN);
    out.extend_from_slice(&code.to_le_bytes());
}

fn number(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> String {
        let shape = parse(text).unwrap();
        shape
            .wkb
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    }

    #[test]
    fn shapes_have_their_binary_form() {
        let (one, two) = ("000000000000f03f", "0000000000000040");
        let point = format!("0101000000{one}{two}");
        assert_eq!(hex("POINT (1 2)"), point);
        assert_eq!(hex("point(1.0 2e0)"), point);
        assert_eq!(hex("POINT Z (1 2 1)"), format!("01e9030000{one}{two}{one}"));
        assert_eq!(hex("POINTM(1 2 1)"), format!("01d1070000{one}{two}{one}"));
        assert_eq!(
            hex("POINT (1 2 1 2)"),
            format!("01b90b0000{one}{two}{one}{two}")
        );
        assert_eq!(
            hex("LINESTRING(1 2, 2 1)"),
            format!("010200000002000000{one}{two}{two}{one}")
        );
        let ring = format!("04000000{one}{one}{two}{one}{two}{two}{one}{one}");
        assert_eq!(
            hex("POLYGON((1 1,2 1,2 2,1 1))"),
            format!("010300000001000000{ring}")
        );
        let points = format!("010400000002000000{point}0101000000{two}{one}");
        assert_eq!(hex("MULTIPOINT((1 2),(2 1))"), points);
        assert_eq!(hex("MULTIPOINT(1 2, 2 1)"), points);
        assert_eq!(
            hex("MULTIPOLYGON(((1 1,2 1,2 2,1 1)))"),
            format!("010600000001000000010300000001000000{ring}")
        );
        assert_eq!(
            hex("GEOMETRYCOLLECTION(POINT(1 2), LINESTRING EMPTY)"),
            format!("010700000002000000{point}010200000000000000")
        );
        assert_eq!(hex("POLYGON EMPTY"), "010300000000000000");
        let collection = format!("010700000001000000{point}");
        assert_eq!(hex("GEOMETRYCOLLECTION(POINT(1 2))"), collection);
        assert_eq!(hex("GEOMETRYCOLLECTION ( POINT (1 2) )"), collection);
        assert_eq!(
            hex("GEOMETRYCOLLECTION (GEOMETRYCOLLECTION (POINT (1 2)))"),
            format!("010700000001000000{collection}")
        );
        let deep = format!("01ef0300000100000001e9030000{one}{two}{one}");
        for text in [
            "GEOMETRYCOLLECTION (POINT Z (1 2 1))",
            "GEOMETRYCOLLECTION(POINT(1 2 1))",
        ] {
            assert_eq!(hex(text), deep, "{text}");
        }
        assert_eq!(
            hex("GEOMETRYCOLLECTION (POINT EMPTY)")[..18],
            *"010700000001000000"
        );
    }

    #[test]
    fn the_reference_system_is_read() {
        assert_eq!(parse("SRID=3857;POINT(0 0)").unwrap().reference, Some(3857));
        assert_eq!(parse("POINT(0 0)").unwrap().reference, None);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "POINT",
            "POINT(1)",
            "POINT(1 2",
            "POINT(1 2) x",
            "CIRCLE(1 2)",
            "SRID=x;POINT(1 2)",
            "SRID=1 POINT(1 2)",
            "POINT(a b)",
            "LINESTRING(1 2,)",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        let deep = "GEOMETRYCOLLECTION(".repeat(1_000);
        assert!(parse(&deep).is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}") {
            drop(parse(&text));
        }

        #[test]
        fn lines_keep_their_points(points in prop::collection::vec((any::<f64>(), any::<f64>()), 1..8)) {
            prop_assume!(points.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
            let written: Vec<String> = points.iter().map(|(x, y)| format!("{x:?} {y:?}")).collect();
            let shape = parse(&format!("LINESTRING ({})", written.join(", "))).unwrap();
            let mut expected = Vec::new();
            header(&mut expected, 2);
            expected.extend_from_slice(&u32::try_from(points.len()).unwrap().to_le_bytes());
            for (x, y) in points {
                number(&mut expected, x);
                number(&mut expected, y);
            }
            prop_assert_eq!(shape.wkb, expected);
        }
    }
}
