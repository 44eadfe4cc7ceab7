//! Record batches such as results are made of, the same ones in every run.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};

/// Rows of each table.
pub(crate) const ROWS: usize = 50_000;

/// Each table under its name.
pub(crate) fn all() -> [(&'static str, RecordBatch); 4] {
    [
        ("narrow", narrow()),
        ("strings", strings()),
        ("times_and_decimals", times_and_decimals()),
        ("lists", lists()),
    ]
}

/// Numbers that look random, one a row.
fn scattered() -> impl Iterator<Item = i64> + Clone {
    const FACTOR: u64 = 6_364_136_223_846_793_005;
    let mut state = 1_u64;
    (0..ROWS).map(move |_| {
        state = state.wrapping_mul(FACTOR).wrapping_add(1);
        (state >> 24).cast_signed()
    })
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).expect("columns of the same length")
}

/// BIGINT, DOUBLE, INT and a short STRING.
fn narrow() -> RecordBatch {
    let small = scattered().map(|number| i32::try_from(number % 100_000).unwrap_or_default());
    table(vec![
        ("id", Arc::new(Int64Array::from_iter_values(scattered()))),
        (
            "x",
            Arc::new(Float64Array::from_iter_values(
                small.clone().map(|number| f64::from(number) / 7.0),
            )),
        ),
        ("n", Arc::new(Int32Array::from_iter_values(small.clone()))),
        (
            "s",
            Arc::new(StringArray::from_iter_values(
                small.map(|number| format!("name-{number:05}")),
            )),
        ),
    ])
}

/// Unique, repeated and non-ASCII texts, a tenth of them null.
fn strings() -> RecordBatch {
    let texts = |text: fn(i64) -> String| -> ArrayRef {
        let cells = scattered().map(|number| (number % 10 > 0).then(|| text(number)));
        Arc::new(cells.collect::<StringArray>())
    };
    table(vec![
        ("unique", texts(|number| format!("{number:032x}"))),
        ("code", texts(|number| format!("C{}", number % 50))),
        (
            "long",
            texts(|number| "lorem ipsum ".repeat(usize::try_from(number % 9).unwrap_or(1))),
        ),
        (
            "wide",
            texts(|number| format!("Größe {number}, размер 大きさ")),
        ),
    ])
}

/// TIMESTAMP with and without zone, DATE, and DECIMALs of 18 and 38 digits.
fn times_and_decimals() -> RecordBatch {
    const CENTURY: i64 = 3_155_760_000_000_000;
    let instants = || TimestampMicrosecondArray::from_iter_values(scattered().map(|n| n % CENTURY));
    let decimals = |precision, scale, factor: i128| -> ArrayRef {
        let unscaled = scattered().map(|number| i128::from(number) * factor);
        let array = Decimal128Array::from_iter_values(unscaled);
        Arc::new(
            array
                .with_precision_and_scale(precision, scale)
                .expect("a decimal type"),
        )
    };
    table(vec![
        ("t", Arc::new(instants().with_timezone("Etc/UTC"))),
        ("n", Arc::new(instants())),
        (
            "d",
            Arc::new(Date32Array::from_iter_values(scattered().map(|number| {
                i32::try_from(number % 30_000).unwrap_or_default()
            }))),
        ),
        ("short", decimals(18, 4, 1)),
        ("long", decimals(38, 10, 10_i128.pow(18))),
    ])
}

/// ARRAYs of four INTs.
fn lists() -> RecordBatch {
    let small = scattered().map(|number| i32::try_from(number % 1000).unwrap_or_default());
    let items = small.flat_map(|number| (number..).take(4));
    let list = ListArray::new(
        Arc::new(Field::new("item", DataType::Int32, true)),
        OffsetBuffer::from_lengths(vec![4; ROWS]),
        Arc::new(Int32Array::from_iter_values(items)),
        None,
    );
    table(vec![("items", Arc::new(list))])
}
