//! `Cursor.description`: one tuple of seven a column.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::client::wire::ColumnInfo;

/// The lower-case SQL name of a column's type, as the official connector spells it.
fn type_code(column: &ColumnInfo) -> String {
    let name = column.type_name.to_ascii_uppercase();
    match name.as_str() {
        "BYTE" => "tinyint".to_owned(),
        "SHORT" => "smallint".to_owned(),
        "INTEGER" => "int".to_owned(),
        "LONG" => "bigint".to_owned(),
        "NULL" => "void".to_owned(),
        "INTERVAL" => {
            let qualifier = column
                .type_interval_type
                .as_deref()
                .unwrap_or(&column.type_text);
            let qualifier = qualifier.to_ascii_uppercase();
            let kind = if qualifier.contains("YEAR") || qualifier.contains("MONTH") {
                "interval_year_month"
            } else {
                "interval_day_time"
            };
            kind.to_owned()
        }
        _ => name.to_ascii_lowercase(),
    }
}

/// The description of a result; `None` where there are no columns.
pub(crate) fn description(py: Python<'_>, columns: &[ColumnInfo]) -> PyResult<Option<Py<PyList>>> {
    if columns.is_empty() {
        return Ok(None);
    }
    let entries = columns
        .iter()
        .map(|column| {
            let none = py.None();
            (
                &column.name,
                type_code(column),
                &none,
                &none,
                column.type_precision,
                column.type_scale,
                &none,
            )
                .into_pyobject(py)
        })
        .collect::<PyResult<Vec<Bound<'_, PyTuple>>>>()?;
    Ok(Some(PyList::new(py, entries)?.unbind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_codes_are_the_sql_names() {
        let cases = [
            ("BYTE", None, "tinyint"),
            ("SHORT", None, "smallint"),
            ("INT", None, "int"),
            ("LONG", None, "bigint"),
            ("STRING", None, "string"),
            ("TIMESTAMP_NTZ", None, "timestamp_ntz"),
            ("NULL", None, "void"),
            ("INTERVAL", Some("YEAR TO MONTH"), "interval_year_month"),
            ("INTERVAL", Some("MONTH"), "interval_year_month"),
            ("INTERVAL", Some("DAY TO SECOND"), "interval_day_time"),
        ];
        for (type_name, interval, code) in cases {
            let column = ColumnInfo {
                type_name: type_name.to_owned(),
                type_interval_type: interval.map(str::to_owned),
                ..ColumnInfo::default()
            };
            assert_eq!(type_code(&column), code);
        }
    }
}
