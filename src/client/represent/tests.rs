use arrow::array::{
    Array, AsArray, BinaryArray, Date32Array, Decimal128Array, DurationMicrosecondArray,
    Float64Array, Int32Array, Int32Builder, IntervalMonthDayNanoArray, IntervalYearMonthArray,
    ListArray, MapBuilder, NullArray, StringArray, StringBuilder, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Fields, Int32Type, IntervalMonthDayNano, Metadata};

use super::*;
use crate::client::ResultStream;

fn one(array: ArrayRef, wish: Representation, labels: &[(&str, &str)]) -> Result<ArrayRef> {
    let labels: Metadata = labels
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let field = Field::new("c", array.data_type().clone(), true).with_metadata(labels);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![array]).unwrap();
    let represented = wish.of(&schema);
    let batch = represented.batch(batch)?;
    assert_eq!(batch.schema_ref(), represented.schema());
    Ok(Arc::clone(batch.column(0)))
}

fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    let texts = array.as_string::<i32>();
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

fn all(expected: &[&str]) -> Vec<Option<String>> {
    expected
        .iter()
        .map(|text| Some((*text).to_owned()))
        .collect()
}

const INTERVALS: Representation = Representation {
    intervals_as_text: true,
    complex_as_json: false,
    geospatial_as_struct: false,
};
const JSON: Representation = Representation {
    intervals_as_text: false,
    complex_as_json: true,
    geospatial_as_struct: false,
};
const SHAPES: Representation = Representation {
    intervals_as_text: false,
    complex_as_json: false,
    geospatial_as_struct: true,
};

#[test]
fn without_a_wish_nothing_is_touched() {
    let array: ArrayRef = Arc::new(IntervalYearMonthArray::from(vec![14]));
    let same = one(Arc::clone(&array), Representation::default(), &[]).unwrap();
    assert!(Arc::ptr_eq(&same, &array));
}

#[test]
fn a_column_without_a_type_becomes_text() {
    let nulls = one(Arc::new(NullArray::new(2)), Representation::default(), &[]).unwrap();
    assert_eq!(texts(&nulls), [None, None]);
}

#[test]
fn intervals_become_texts() {
    let months = one(
        Arc::new(IntervalYearMonthArray::from(vec![14, -14, 0])),
        INTERVALS,
        &[],
    );
    assert_eq!(texts(&months.unwrap()), all(&["1-2", "-1-2", "0-0"]));
    let micros = DurationMicrosecondArray::from(vec![-86_400_000_005, -1_000_000, i64::MAX]);
    let expected = all(&[
        "-1 00:00:00.000005000",
        "-0 00:00:01.000000000",
        "106751991 04:00:54.775807000",
    ]);
    assert_eq!(
        texts(&one(Arc::new(micros), INTERVALS, &[]).unwrap()),
        expected
    );
}

#[test]
fn months_beside_days_are_not_dropped() {
    let value = IntervalMonthDayNano::new(14, 3, 5);
    let array = IntervalMonthDayNanoArray::from(vec![value, IntervalMonthDayNano::new(2, 0, 0)]);
    let expected = all(&["1-2 3 00:00:00.000000005", "0-2"]);
    assert_eq!(
        texts(&one(Arc::new(array), INTERVALS, &[]).unwrap()),
        expected
    );
}

#[test]
fn intervals_inside_nested_values_become_texts() {
    let months: ArrayRef = Arc::new(IntervalYearMonthArray::from(vec![Some(14), None]));
    let fields = Fields::from(vec![Field::new("m", months.data_type().clone(), true)]);
    let nested = StructArray::new(fields, vec![months], None);
    let changed = one(Arc::new(nested), INTERVALS, &[]).unwrap();
    let inner = changed.as_struct().column(0);
    assert_eq!(texts(inner), [Some("1-2".to_owned()), None]);
}

#[test]
fn nested_values_become_json() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
    ]);
    let expected = [Some("[1,null]".to_owned()), None, Some("[]".to_owned())];
    assert_eq!(texts(&one(Arc::new(list), JSON, &[]).unwrap()), expected);
    let mut map = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    map.keys().append_value(7);
    map.values().append_value("a\"b");
    map.append(true).unwrap();
    let map = one(Arc::new(map.finish()), JSON, &[]).unwrap();
    assert_eq!(texts(&map), all(&[r#"{"7":"a\"b"}"#]));
}

#[test]
fn json_keeps_every_kind_of_value() {
    let decimal = Decimal128Array::from(vec![1250])
        .with_precision_and_scale(10, 2)
        .unwrap();
    let zoned = TimestampMicrosecondArray::from(vec![0]).with_timezone("America/Los_Angeles");
    let void = Arc::new(Field::new_list_field(DataType::Null, true));
    let two = OffsetBuffer::from_lengths([2]);
    let voids = ListArray::new(void, two, Arc::new(NullArray::new(2)), None);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("decimal", Arc::new(decimal)),
        ("float", Arc::new(Float64Array::from(vec![1.0]))),
        ("nan", Arc::new(Float64Array::from(vec![f64::NAN]))),
        (
            "infinite",
            Arc::new(Float64Array::from(vec![f64::NEG_INFINITY])),
        ),
        ("zoned", Arc::new(zoned)),
        (
            "local",
            Arc::new(TimestampMicrosecondArray::from(vec![1_500_000])),
        ),
        ("date", Arc::new(Date32Array::from(vec![1]))),
        ("binary", Arc::new(BinaryArray::from_vec(vec![b"ab"]))),
        ("interval", Arc::new(IntervalYearMonthArray::from(vec![14]))),
        ("null", Arc::new(Int32Array::from(vec![None]))),
        ("void", Arc::new(NullArray::new(1))),
        ("voids", Arc::new(voids)),
        ("text", Arc::new(StringArray::from(vec!["é\n"]))),
    ];
    let fields: Fields = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let all_kinds = StructArray::new(fields, arrays, None);
    let text = &texts(&one(Arc::new(all_kinds), JSON, &[]).unwrap())[0];
    let expected = concat!(
        r#"{"decimal":12.50,"float":1.0,"nan":"NaN","infinite":"-Infinity","#,
        r#""zoned":"1969-12-31 16:00:00","local":"1970-01-01 00:00:01.500000","#,
        r#""date":"1970-01-02","binary":"YWI=","interval":"1-2","null":null,"void":null,"#,
        r#""voids":[null,null],"text":"é\n"}"#,
    );
    assert_eq!(text.as_deref(), Some(expected));
}

#[test]
fn shapes_become_binary_with_their_reference_system() {
    let column = || -> ArrayRef {
        Arc::new(StringArray::from(vec![
            Some("POINT(1 2)"),
            None,
            Some("SRID=3857;POINT(1 2)"),
        ]))
    };
    let srids = |type_name, type_text| {
        let labels = [
            ("databricks.type_name", type_name),
            ("databricks.type_text", type_text),
        ];
        let array = one(column(), SHAPES, &labels).unwrap();
        assert!(array.is_null(1));
        let srids = array
            .as_struct()
            .column(0)
            .as_primitive::<Int32Type>()
            .clone();
        (srids.value(0), srids.value(2))
    };
    assert_eq!(srids("GEOMETRY", "GEOMETRY"), (0, 3857));
    assert_eq!(srids("GEOMETRY", "GEOMETRY(25832)"), (25832, 3857));
    assert_eq!(srids("GEOGRAPHY", "GEOGRAPHY"), (4326, 3857));
    let plain = one(column(), SHAPES, &[("databricks.type_name", "STRING")]).unwrap();
    assert_eq!(plain.data_type(), &DataType::Utf8);
    let broken: ArrayRef = Arc::new(StringArray::from(vec!["POINT(1"]));
    let error = one(broken, SHAPES, &[("databricks.type_name", "GEOMETRY")]).unwrap_err();
    assert_eq!(error.code(), crate::client::ErrorCode::DataLoss);
    assert!(error.message().contains("column 'c'"), "{error}");
}

#[tokio::test]
async fn rows_that_cannot_be_changed_are_not_left_out() {
    let labels = [("databricks.type_name".to_owned(), "GEOMETRY".to_owned())];
    let labels: Metadata = labels.into_iter().collect();
    let field = Field::new("c", DataType::Utf8, true).with_metadata(labels);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = |text: &str| {
        let column: ArrayRef = Arc::new(StringArray::from(vec![text]));
        RecordBatch::try_new(Arc::clone(&schema), vec![column]).unwrap()
    };
    let batches = vec![batch("POINT(1 2)"), batch("POINT(1"), batch("POINT(1 2)")];
    let stream = ResultStream::of_rows(Vec::new(), Arc::clone(&schema), batches);
    let mut stream = RepresentedStream::new(stream, Some(SHAPES));
    assert!(
        stream
            .schema()
            .await
            .unwrap()
            .field(0)
            .data_type()
            .is_nested()
    );
    assert!(stream.next_batch().await.unwrap().is_some());
    for _ in 0..2 {
        let error = stream.next_batch().await.unwrap_err();
        assert!(error.message().contains("column 'c'"), "{error}");
    }
}
