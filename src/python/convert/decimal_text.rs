//! Decimal numbers written out.

/// Room for the digits of any 128-bit number, a sign, a point and an exponent.
const ROOM: usize = 48;
/// The largest power of ten in 64 bits.
const CHUNK: u128 = 10_000_000_000_000_000_000;
const CHUNK_DIGITS: usize = 19;

/// A decimal number as ASCII, made from its digits and its scale.
pub(super) struct DecimalText {
    buffer: [u8; ROOM],
    start: usize,
}

impl DecimalText {
    /// `unscaled` times ten to the power of `-scale`, with all digits of the scale.
    ///
    /// Scales below 0 or above 40 are written as exponents.
    pub(super) fn new(unscaled: i128, scale: i8) -> Self {
        let mut text = Self {
            buffer: [0; ROOM],
            start: ROOM,
        };
        let point = usize::try_from(scale).unwrap_or(ROOM);
        if point <= 40 {
            text.push_number(unscaled.unsigned_abs(), point);
        } else {
            text.push_number(i32::from(scale).unsigned_abs().into(), 0);
            text.push(if scale > 0 { b'-' } else { b'+' });
            text.push(b'E');
            text.push_number(unscaled.unsigned_abs(), 0);
        }
        if unscaled < 0 {
            text.push(b'-');
        }
        text
    }

    /// The characters.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn push(&mut self, byte: u8) {
        self.start -= 1;
        self.buffer[self.start] = byte;
    }

    /// Writes `number` with `point` digits after the point, from the right to the left.
    fn push_number(&mut self, mut number: u128, point: usize) {
        let mut digits = 0;
        loop {
            let whole = number / CHUNK;
            let mut chunk = u64::try_from(number % CHUNK).unwrap_or_default();
            let mut left = if whole > 0 { CHUNK_DIGITS } else { 0 };
            while left > 0 || chunk > 0 || (whole == 0 && digits <= point) {
                if digits == point && point > 0 {
                    self.push(b'.');
                }
                self.push(b'0' + u8::try_from(chunk % 10).unwrap_or_default());
                chunk /= 10;
                digits += 1;
                left = left.saturating_sub(1);
            }
            if whole == 0 {
                return;
            }
            number = whole;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DecimalText;

    fn text(unscaled: i128, scale: i8) -> String {
        String::from_utf8_lossy(DecimalText::new(unscaled, scale).as_bytes()).into_owned()
    }

    #[test]
    fn the_scale_is_kept() {
        assert_eq!(text(0, 0), "0");
        assert_eq!(text(0, 2), "0.00");
        assert_eq!(text(-5, 2), "-0.05");
        assert_eq!(text(1230, 3), "1.230");
        assert_eq!(text(12, -2), "12E+2");
        assert_eq!(
            text(i128::MIN, 38),
            "-1.70141183460469231731687303715884105728"
        );
        assert_eq!(text(10_i128.pow(19), 19), "1.0000000000000000000");
        assert_eq!(
            text(10_i128.pow(37), 0),
            "10000000000000000000000000000000000000"
        );
    }

    proptest! {
        #[test]
        fn digits_are_those_of_the_number(unscaled: i128, scale in 0_i8..=38) {
            let text = text(unscaled, scale);
            let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            prop_assert_eq!(fraction, usize::try_from(scale).expect("not negative"));
            prop_assert_eq!(text.replace('.', "").parse::<i128>().expect("a number"), unscaled);
        }
    }
}
