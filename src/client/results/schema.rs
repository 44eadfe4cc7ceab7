//! The Arrow schema of a result: names and labels from the manifest, types from the data.
//!
//! Where there are no data, the types come from the manifest too.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Metadata, Schema, SchemaRef};

use super::type_text::{decimal, parse_type};
use crate::client::wire::ColumnInfo;
use crate::client::{Error, Result};

/// The schema that `columns` promise; TIMESTAMP gets `time_zone`.
#[must_use]
pub fn schema_from_columns(columns: &[ColumnInfo], time_zone: &str) -> SchemaRef {
    let field = |column: &ColumnInfo| {
        let field = Field::new(&column.name, column_type(column, time_zone), true);
        field.with_metadata(labels(column).collect::<Metadata>())
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Fields>()))
}

/// `stream` with the names and labels of `columns`; types, nullability and metadata stay.
pub fn label_schema(stream: &Schema, columns: &[ColumnInfo]) -> Result<SchemaRef> {
    let (found, declared) = (stream.fields().len(), columns.len());
    if found != declared {
        return Err(Error::data_loss(format!(
            "the Arrow stream has {found} columns, the manifest declares {declared}"
        )));
    }
    let fields: Fields = stream
        .fields()
        .iter()
        .zip(columns)
        .map(|(field, column)| {
            let mut metadata = field.metadata().clone();
            metadata.extend(labels(column));
            field
                .as_ref()
                .clone()
                .with_name(&column.name)
                .with_metadata(metadata)
        })
        .collect();
    Ok(Arc::new(Schema::new_with_metadata(
        fields,
        stream.metadata().clone(),
    )))
}

fn column_type(column: &ColumnInfo, time_zone: &str) -> DataType {
    if !column.type_text.is_empty() {
        return parse_type(&column.type_text, time_zone);
    }
    let interval = column.type_interval_type.as_deref();
    match (column.type_name.to_ascii_uppercase().as_str(), interval) {
        ("DECIMAL", _) => column
            .type_precision
            .and_then(|precision| decimal(precision, column.type_scale.unwrap_or(0)))
            .unwrap_or_else(|| parse_type("DECIMAL", time_zone)),
        ("INTERVAL", Some(interval)) => parse_type(&format!("INTERVAL {interval}"), time_zone),
        (name, _) => parse_type(name, time_zone),
    }
}

/// The metadata by which users and the row builder know a column's SQL type.
fn labels(column: &ColumnInfo) -> impl Iterator<Item = (String, String)> {
    let number = |number: Option<i32>| number.map(|number| number.to_string());
    let labels = [
        ("databricks.type_name", Some(column.type_name.clone())),
        ("databricks.type_text", Some(column.type_text.clone())),
        ("Spark:DataType:SqlName", Some(column.type_text.clone())),
        ("databricks.type_precision", number(column.type_precision)),
        ("databricks.type_scale", number(column.type_scale)),
        (
            "databricks.type_interval_type",
            column.type_interval_type.clone(),
        ),
        ("Spark:DataType:JsonType", column.type_json.clone()),
    ];
    labels
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, type_name: &str, type_text: &str) -> ColumnInfo {
        ColumnInfo {
            name: name.into(),
            type_name: type_name.into(),
            type_text: type_text.into(),
            ..ColumnInfo::default()
        }
    }

    fn price() -> ColumnInfo {
        ColumnInfo {
            type_precision: Some(10),
            type_scale: Some(2),
            ..column("price", "DECIMAL", "DECIMAL(10,2)")
        }
    }

    #[test]
    fn columns_alone_make_a_schema() {
        let columns = [
            price(),
            column("", "TIMESTAMP", "TIMESTAMP"),
            column("", "NULL", "VOID"),
        ];
        let schema = schema_from_columns(&columns, "Etc/UTC");
        let fields: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| (field.name().as_str(), field.data_type().to_string()))
            .collect();
        assert_eq!(fields[0], ("price", "Decimal128(10, 2)".into()));
        assert_eq!(fields[1], ("", "Timestamp(µs, \"Etc/UTC\")".into()));
        assert_eq!(fields[2], ("", "Null".into()));
        assert!(schema.fields().iter().all(|field| field.is_nullable()));
        assert_eq!(schema.field(0).metadata()["databricks.type_scale"], "2");
    }

    #[test]
    fn a_missing_type_text_is_made_up_from_the_rest() {
        let interval = ColumnInfo {
            type_interval_type: Some("YEAR TO MONTH".into()),
            ..column("i", "INTERVAL", "")
        };
        let decimal = ColumnInfo {
            type_text: String::new(),
            ..price()
        };
        let cases = [
            (interval, "INTERVAL YEAR TO MONTH"),
            (decimal, "DECIMAL(10,2)"),
            (column("d", "DECIMAL", ""), "DECIMAL(10,0)"),
            (column("l", "LONG", ""), "BIGINT"),
            (column("i", "INTERVAL", ""), "STRING"),
        ];
        for (column, same_as) in cases {
            assert_eq!(
                column_type(&column, "UTC"),
                parse_type(same_as, "UTC"),
                "{column:?}"
            );
        }
    }

    #[test]
    fn labels_join_what_the_stream_says() {
        let sent = Field::new("col_0", DataType::Utf8, false)
            .with_metadata([("Spark:DataType:SqlName", "old"), ("own", "kept")]);
        let stream = Schema::new_with_metadata(vec![sent], [("stream", "kept")]);
        let column = ColumnInfo {
            type_interval_type: Some("DAY".into()),
            type_json: Some("{}".into()),
            ..price()
        };
        let schema = label_schema(&stream, &[column]).unwrap();
        let field = schema.field(0);
        assert_eq!(
            (field.name().as_str(), field.data_type()),
            ("price", &DataType::Utf8)
        );
        assert!(!field.is_nullable());
        assert_eq!(schema.metadata()["stream"], "kept");
        let expected: Metadata = [
            ("Spark:DataType:JsonType", "{}"),
            ("Spark:DataType:SqlName", "DECIMAL(10,2)"),
            ("databricks.type_interval_type", "DAY"),
            ("databricks.type_name", "DECIMAL"),
            ("databricks.type_precision", "10"),
            ("databricks.type_scale", "2"),
            ("databricks.type_text", "DECIMAL(10,2)"),
            ("own", "kept"),
        ]
        .into();
        assert_eq!(field.metadata(), &expected);
    }

    #[test]
    fn a_different_number_of_columns_is_refused() {
        let error = label_schema(&Schema::empty(), &[price()]).unwrap_err();
        assert_eq!(error.code(), crate::client::ErrorCode::DataLoss);
        assert_eq!(
            error.message(),
            "the Arrow stream has 0 columns, the manifest declares 1"
        );
    }
}
