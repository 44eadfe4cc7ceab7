//! `description` of a result set: one tuple of seven a column.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::options::Way;
use crate::client::wire::ColumnInfo;

/// The name of a column's type as the connector gives it on either path.
fn type_code(way: Way, column: &ColumnInfo) -> String {
    let name = column.type_name.to_ascii_uppercase();
    let code = match (name.as_str(), way) {
        ("BYTE", _) => "tinyint",
        ("SHORT", _) => "smallint",
        ("INTEGER", _) => "int",
        ("LONG", _) => "bigint",
        // Where the connector goes by types of Arrow it has no other names for these.
        ("TIMESTAMP_NTZ", Way::Kernel) => "timestamp",
        ("INTERVAL" | "NULL" | "VOID" | "CHAR" | "VARCHAR", Way::Kernel) => "string",
        ("VOID", Way::Sea) => "null",
        ("INTERVAL", Way::Sea) => {
            let qualifier = column.type_interval_type.as_deref();
            let qualifier = qualifier.unwrap_or(&column.type_text).to_ascii_uppercase();
            if qualifier.contains("YEAR") || qualifier.contains("MONTH") {
                "interval_year_month"
            } else {
                "interval_day_time"
            }
        }
        _ => return name.to_ascii_lowercase(),
    };
    code.to_owned()
}

/// The description of a result, empty where there are no columns.
pub(super) fn description(
    py: Python<'_>,
    way: Way,
    columns: &[ColumnInfo],
) -> PyResult<Py<PyList>> {
    let entries = columns
        .iter()
        .map(|column| {
            let none = py.None();
            let code = type_code(way, column);
            let is_decimal = code == "decimal" || way == Way::Sea;
            (
                &column.name,
                code,
                &none,
                &none,
                column.type_precision.filter(|_| is_decimal),
                column.type_scale.filter(|_| is_decimal),
                &none,
            )
                .into_pyobject(py)
        })
        .collect::<PyResult<Vec<Bound<'_, PyTuple>>>>()?;
    Ok(PyList::new(py, entries)?.unbind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_codes_are_those_of_the_connector_on_either_path() {
        let cases = [
            ("BYTE", None, "tinyint", "tinyint"),
            ("LONG", None, "bigint", "bigint"),
            ("TIMESTAMP_NTZ", None, "timestamp_ntz", "timestamp"),
            ("VOID", None, "null", "string"),
            ("INTERVAL", Some("MONTH"), "interval_year_month", "string"),
            (
                "INTERVAL",
                Some("DAY TO SECOND"),
                "interval_day_time",
                "string",
            ),
            ("VARIANT", None, "variant", "variant"),
        ];
        for (type_name, interval, sea, kernel) in cases {
            let column = ColumnInfo {
                type_name: type_name.to_owned(),
                type_interval_type: interval.map(str::to_owned),
                ..ColumnInfo::default()
            };
            assert_eq!(type_code(Way::Sea, &column), sea);
            assert_eq!(type_code(Way::Kernel, &column), kernel);
        }
    }
}
