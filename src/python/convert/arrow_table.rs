//! A result in memory, for those who can read Arrow but have no pyarrow.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::{
    array::{Array, RecordBatch, RecordBatchIterator},
    datatypes::{Field, SchemaRef},
};
use pyo3::{prelude::*, types::PyCapsule};

use super::capsule::{schema_capsule, stream_capsule};
use super::requested::Requested;
use crate::client::represent::shown;

/// Rows that a notebook shows.
const SHOWN_ROWS: usize = 20;

/// Characters of a value that a notebook shows.
const SHOWN_CHARS: usize = 200;

/// A result in memory, for those who can read Arrow but have no pyarrow.
#[pyclass(frozen, module = "databricks_sql_kernel.dbapi")]
pub(crate) struct ArrowTable {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl ArrowTable {
    /// A table of `batches`, all of `schema`.
    pub(crate) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn html(&self) -> String {
        let mut html = String::from("<table><thead><tr>");
        for field in self.schema.fields() {
            let (name, kind) = (escaped(field.name()), escaped(&type_text(field)));
            // Writing to a text does not fail.
            let _ = write!(html, "<th>{name}<br><small>{kind}</small></th>");
        }
        html.push_str("</tr></thead><tbody>");
        let mut left = SHOWN_ROWS;
        for batch in &self.batches {
            let rows = batch.num_rows().min(left);
            left -= rows;
            write_rows(&mut html, &batch.slice(0, rows));
        }
        html.push_str("</tbody></table>");
        let rows = self.rows();
        let _ = match rows.checked_sub(SHOWN_ROWS).filter(|hidden| *hidden > 0) {
            Some(hidden) => write!(html, "<p>{rows} rows, {hidden} of them not shown</p>"),
            None => write!(html, "<p>{rows} rows</p>"),
        };
        html
    }
}

#[pymethods]
impl ArrowTable {
    /// The rows as a capsule of an Arrow array stream.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let requested = Requested::of(&self.schema, requested_schema)?;
        let schema = Arc::clone(requested.schema());
        let batches = self.batches.clone().into_iter();
        let batches = batches.map(move |batch| requested.batch(batch));
        stream_capsule(py, Box::new(RecordBatchIterator::new(batches, schema)))
    }

    /// The columns as a capsule of an Arrow schema.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        schema_capsule(py, &self.schema)
    }

    fn __len__(&self) -> usize {
        self.rows()
    }

    fn __repr__(&self) -> String {
        format!(
            "<ArrowTable of {} rows: {}>",
            self.rows(),
            columns_text(&self.schema)
        )
    }

    fn _repr_html_(&self) -> String {
        self.html()
    }

    /// The number of rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.rows()
    }

    /// The number of columns.
    #[getter]
    fn num_columns(&self) -> usize {
        self.schema.fields().len()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        column_names(&self.schema)
    }
}

pub(super) fn column_names(schema: &SchemaRef) -> Vec<&str> {
    let fields = schema.fields().iter();
    fields.map(|field| field.name().as_str()).collect()
}

/// Names and SQL types of the columns.
pub(crate) fn columns_text(schema: &SchemaRef) -> String {
    let fields = schema.fields().iter();
    let columns = fields.map(|field| format!("{} {}", field.name(), type_text(field)));
    columns.collect::<Vec<_>>().join(", ")
}

/// The SQL type, where the service named it.
fn type_text(field: &Field) -> String {
    match field.metadata().get("databricks.type_text") {
        Some(text) => text.clone(),
        None => field.data_type().to_string(),
    }
}

fn write_rows(html: &mut String, batch: &RecordBatch) {
    let columns: Vec<_> = batch.columns().iter().map(shown).collect();
    for row in 0..batch.num_rows() {
        html.push_str("<tr>");
        for column in &columns {
            let value = match column {
                Ok(texts) if texts.is_null(row) => "NULL".to_owned(),
                Ok(texts) => shortened(texts.value(row).to_owned()),
                // The other columns are worth seeing.
                Err(why) => why.to_string(),
            };
            let _ = write!(html, "<td>{}</td>", escaped(&value));
        }
        html.push_str("</tr>");
    }
}

fn shortened(mut value: String) -> String {
    if let Some((end, _)) = value.char_indices().nth(SHOWN_CHARS) {
        value.truncate(end);
        value.push('\u{2026}');
    }
    value
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
