//! The SQL types as JDBC numbers and describes them.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int16Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::Table;

/// A type: its name, JDBC's number, and its digits where it has some.
type Type = (&'static str, i32, Option<i32>);

const OTHER: i32 = 1111;
const NESTED: [i32; 3] = [2000, 2002, 2003];

const TYPES: [Type; 20] = [
    ("VOID", 0, None),
    ("BOOLEAN", 16, None),
    ("STRING", 12, None),
    ("BINARY", -2, None),
    ("TINYINT", -6, Some(3)),
    ("SMALLINT", 5, Some(5)),
    ("INT", 4, Some(10)),
    ("BIGINT", -5, Some(19)),
    ("FLOAT", 6, Some(7)),
    ("DOUBLE", 8, Some(15)),
    ("DECIMAL", 3, Some(38)),
    ("DATE", 91, None),
    ("TIMESTAMP", 93, None),
    ("ARRAY", 2003, None),
    ("MAP", 2000, None),
    ("STRUCT", 2002, None),
    ("CHAR", 1, None),
    ("VARCHAR", 12, None),
    ("INTERVAL_YEAR_MONTH", OTHER, None),
    ("INTERVAL_DAY_TIME", OTHER, None),
];

/// JDBC's number of the type that a `type_text` such as `DECIMAL(10,2)` names.
pub(super) fn type_code(text: &str) -> i32 {
    let name = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    let name = match name.as_str() {
        "BYTE" => "TINYINT",
        "SHORT" => "SMALLINT",
        "INTEGER" => "INT",
        "LONG" => "BIGINT",
        "REAL" => "FLOAT",
        "NUMERIC" | "DEC" => "DECIMAL",
        "NULL" => "VOID",
        "TIMESTAMP_NTZ" | "TIMESTAMP_LTZ" => "TIMESTAMP",
        name => name,
    };
    let known = TYPES.iter().find(|(known, _, _)| *known == name);
    known.map_or(OTHER, |(_, code, _)| *code)
}

/// The types, one a row.
pub(super) fn table() -> Table {
    /// The type can be searched by every comparison, or by none.
    const SEARCHABLE: i16 = 3;
    let (schema, rows) = (schema(), TYPES.len());
    let texts = || -> ArrayRef { Arc::new(StringArray::new_null(rows)) };
    let ints = |each: &dyn Fn(&Type) -> Option<i32>| -> ArrayRef {
        Arc::new(TYPES.iter().map(each).collect::<Int32Array>())
    };
    let shorts = |each: &dyn Fn(&Type) -> i16| -> ArrayRef {
        Arc::new(Int16Array::from_iter_values(TYPES.iter().map(each)))
    };
    let flags = |each: &dyn Fn(&Type) -> bool| -> ArrayRef {
        Arc::new(
            TYPES
                .iter()
                .map(|type_| Some(each(type_)))
                .collect::<BooleanArray>(),
        )
    };
    let is_number = |type_: &Type| type_.2.is_some();
    let columns = vec![
        Arc::new(StringArray::from_iter_values(
            TYPES.iter().map(|type_| type_.0),
        )),
        ints(&|type_| Some(type_.1)),
        ints(&|type_| type_.2),
        texts(),
        texts(),
        texts(),
        shorts(&|_| 1),
        flags(&|type_| type_.0 == "STRING"),
        shorts(&|type_| {
            if NESTED.contains(&type_.1) {
                0
            } else {
                SEARCHABLE
            }
        }),
        flags(&|type_| !is_number(type_)),
        flags(&|_| false),
        flags(&|_| false),
        texts(),
        shorts(&|_| 0),
        shorts(&|_| 0),
        ints(&|_| None),
        ints(&|_| None),
        ints(&|type_| is_number(type_).then_some(10)),
    ];
    let batches = RecordBatch::try_new(Arc::clone(&schema), columns)
        .into_iter()
        .collect();
    Table { schema, batches }
}

fn schema() -> SchemaRef {
    let (text, int, short, flag) = (
        DataType::Utf8,
        DataType::Int32,
        DataType::Int16,
        DataType::Boolean,
    );
    let fields = [
        ("TYPE_NAME", &text),
        ("DATA_TYPE", &int),
        ("PRECISION", &int),
        ("LITERAL_PREFIX", &text),
        ("LITERAL_SUFFIX", &text),
        ("CREATE_PARAMS", &text),
        ("NULLABLE", &short),
        ("CASE_SENSITIVE", &flag),
        ("SEARCHABLE", &short),
        ("UNSIGNED_ATTRIBUTE", &flag),
        ("FIXED_PREC_SCALE", &flag),
        ("AUTO_INCREMENT", &flag),
        ("LOCAL_TYPE_NAME", &text),
        ("MINIMUM_SCALE", &short),
        ("MAXIMUM_SCALE", &short),
        ("SQL_DATA_TYPE", &int),
        ("SQL_DATETIME_SUB", &int),
        ("NUM_PREC_RADIX", &int),
    ];
    let field = |(name, data_type): (&str, &DataType)| Field::new(name, data_type.clone(), true);
    Arc::new(Schema::new(fields.map(field).to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_their_numbers_whatever_their_parameters() {
        let cases = [
            ("DECIMAL(10,2)", 3),
            ("array<int>", 2003),
            ("MAP<STRING, INT>", 2000),
            ("STRUCT<a: INT>", 2002),
            ("TIMESTAMP_NTZ", 93),
            ("VARCHAR(10)", 12),
            ("INTERVAL YEAR TO MONTH", 1111),
            ("VARIANT", 1111),
            ("", 1111),
        ];
        for (text, code) in cases {
            assert_eq!(type_code(text), code, "{text}");
        }
    }

    #[test]
    fn the_table_of_types_is_whole() {
        let table = table();
        assert_eq!(table.batches[0].num_rows(), 20);
        assert_eq!(table.schema.fields().len(), 18);
    }
}
