//! Values as people read them.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};

use super::nested::{Leaves, is_interval};
use super::{json, unchangeable};
use crate::client::Result;

/// The texts of an array's values: moments without the name of their zone, intervals as SQL writes them, nested values
/// as JSON.
///
/// # Errors
/// `DataLoss` for a time zone that is not known.
pub fn shown(array: &ArrayRef) -> Result<StringArray> {
    if array.data_type().is_nested() {
        return json::texts(array);
    }
    if is_interval(array.data_type()) {
        let texts = Leaves(is_interval)
            .text_array(array)
            .map_err(unchangeable)?;
        return Ok(texts.as_string::<i32>().clone());
    }
    let nulls = array.logical_nulls();
    let is_null = |row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    let text = |row| (!is_null(row)).then(|| json::plain(array, row)).transpose();
    (0..array.len()).map(text).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        DurationMicrosecondArray, Float64Array, ListArray, NullArray, TimestampMicrosecondArray,
    };
    use arrow::datatypes::TimestampMicrosecondType;

    use super::*;

    fn texts(array: impl Array + 'static) -> Vec<Option<String>> {
        let array: ArrayRef = Arc::new(array);
        let texts = shown(&array).unwrap();
        texts.iter().map(|text| text.map(str::to_owned)).collect()
    }

    #[test]
    fn moments_are_in_their_zone() {
        let moments = || TimestampMicrosecondArray::from(vec![Some(1_704_067_200_000_000), None]);
        for (zone, shown) in [
            (None, "2024-01-01 00:00:00"),
            (Some("Etc/UTC"), "2024-01-01 00:00:00"),
            (Some("Europe/Berlin"), "2024-01-01 01:00:00"),
            (Some("+05:30"), "2024-01-01 05:30:00"),
        ] {
            let moments = moments().with_timezone_opt(zone);
            assert_eq!(texts(moments), [Some(shown.to_owned()), None]);
        }
        let nowhere: ArrayRef = Arc::new(moments().with_timezone("Mars/Phobos"));
        assert!(shown(&nowhere).is_err());
    }

    #[test]
    fn other_values_are_as_sql_writes_them() {
        let day = DurationMicrosecondArray::from(vec![86_400_000_001, -1]);
        let day = texts(day).into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(day, ["1 00:00:00.000001000", "-0 00:00:00.000001000"]);
        let items = [Some(vec![Some(0), None]), None];
        let list = ListArray::from_iter_primitive::<TimestampMicrosecondType, _, _>(items);
        let expected = [Some("[\"1970-01-01 00:00:00\",null]".to_owned()), None];
        assert_eq!(texts(list), expected);
        assert_eq!(texts(NullArray::new(2)), [None, None]);
        assert_eq!(
            texts(Float64Array::from(vec![1.5])),
            [Some("1.5".to_owned())]
        );
    }
}
