//! The arithmetic of days and of moments within them.

use arrow::datatypes::TimeUnit;
use chrono::{Datelike, NaiveDate};

/// Microseconds of a day.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;
/// 0001-01-01, in days since 1970.
pub(super) const FIRST_DAY: i64 = -719_162;
/// 9999-12-31, in days since 1970.
pub(super) const LAST_DAY: i64 = 2_932_896;
/// Days from 0000-12-31 to 1970-01-01, as chrono counts.
const EPOCH_FROM_CE: i64 = 719_163;

/// A day of the calendar that Python knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i32,
    pub(super) month: i32,
    pub(super) day: i32,
}

impl Civil {
    /// The date `days` after 1970-01-01, or why Python has none.
    #[inline]
    pub(super) fn try_new(days: i64) -> Result<Self, String> {
        match date(days) {
            Some(date) if (FIRST_DAY..=LAST_DAY).contains(&days) => {
                let (month, day) = (date.month().cast_signed(), date.day().cast_signed());
                Ok(Self {
                    year: date.year(),
                    month,
                    day,
                })
            }
            date => Err(out_of_range(date)),
        }
    }
}

fn date(days: i64) -> Option<NaiveDate> {
    let from_ce = i32::try_from(days.checked_add(EPOCH_FROM_CE)?).ok()?;
    NaiveDate::from_num_days_from_ce_opt(from_ce)
}

#[cold]
fn out_of_range(date: Option<NaiveDate>) -> String {
    match date {
        Some(date) => format!("year {} is out of Python's range, 1 to 9999", date.year()),
        None => "the date is far out of Python's range, years 1 to 9999".to_owned(),
    }
}

/// A point on a time line without a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Days since 1970-01-01.
    pub(super) days: i64,
    /// Microseconds since midnight.
    pub(super) micros: i64,
}

impl Moment {
    /// The moment `value` units after 1970; parts of microseconds are dropped.
    #[inline]
    pub(super) fn new(value: i64, unit: TimeUnit) -> Self {
        let (per_day, scale) = match unit {
            TimeUnit::Second => (86_400, 1_000_000),
            TimeUnit::Millisecond => (86_400_000, 1_000),
            TimeUnit::Microsecond => (DAY_MICROS, 1),
            TimeUnit::Nanosecond => {
                return Self::new(value.div_euclid(1_000), TimeUnit::Microsecond);
            }
        };
        Self {
            days: value.div_euclid(per_day),
            micros: value.rem_euclid(per_day) * scale,
        }
    }

    /// The moment `micros` later, or earlier when negative.
    #[inline]
    pub(super) fn plus(self, micros: i64) -> Self {
        let sum = self.micros + micros;
        Self {
            days: self.days + sum.div_euclid(DAY_MICROS),
            micros: sum.rem_euclid(DAY_MICROS),
        }
    }

    /// Hour, minute, second and microsecond.
    #[inline]
    pub(super) fn clock(self) -> [i32; 4] {
        clock(self.micros)
    }
}

/// Hour, minute, second and microsecond of a number of microseconds since midnight.
#[inline]
pub(super) fn clock(micros: i64) -> [i32; 4] {
    let seconds = micros / 1_000_000;
    [
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        micros % 1_000_000,
    ]
    .map(|part| i32::try_from(part).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::{Civil, FIRST_DAY, LAST_DAY, Moment};

    #[test]
    fn days_are_those_of_the_calendar() {
        let date = |days| Civil::try_new(days).map(|civil| (civil.year, civil.month, civil.day));
        assert_eq!(date(0), Ok((1970, 1, 1)));
        assert_eq!(date(FIRST_DAY), Ok((1, 1, 1)));
        assert_eq!(date(LAST_DAY), Ok((9999, 12, 31)));
        assert_eq!(date(11_016), Ok((2000, 2, 29)));
    }

    #[test]
    fn days_out_of_range_name_their_year() {
        for (days, year) in [(FIRST_DAY - 1, "year 0 "), (LAST_DAY + 1, "year 10000 ")] {
            assert!(Civil::try_new(days).is_err_and(|message| message.starts_with(year)));
        }
        assert!(Civil::try_new(i64::MAX).is_err());
    }

    #[test]
    fn moments_before_1970_lie_in_the_day_before() {
        let moment = Moment::new(-1, TimeUnit::Millisecond);
        assert_eq!((moment.days, moment.clock()), (-1, [23, 59, 59, 999_000]));
        assert_eq!(
            Moment::new(-1, TimeUnit::Nanosecond).clock(),
            [23, 59, 59, 999_999]
        );
        assert_eq!(
            moment.plus(2_000),
            Moment {
                days: 0,
                micros: 1_000
            }
        );
    }
}
