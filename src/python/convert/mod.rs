//! Arrow record batches as Python rows and as Arrow objects.
//!
//! Knows no surface: a value that Python cannot hold comes back as [`ConvertError::Value`], which each surface raises as
//! its own exception.

mod arrow;
mod arrow_table;
mod assemble;
mod attached;
mod capsule;
mod civil;
mod converter;
mod datetime_api;
mod decimal;
mod error;
mod extents;
mod foreign_call;
mod interpreter;
mod month_interval;
mod nested;
mod numpy;
mod offset_name;
pub(crate) mod parameter;
mod query_tags;
mod reader;
mod repeats;
mod requested;
mod row;
mod row_class;
mod row_memory;
mod row_methods;
mod scalar;
mod temporal;
mod text;
mod time_slice;
mod zone;

pub(crate) use arrow::{PyArrowSchema, pyarrow, to_pyarrow_or_table};
pub(crate) use arrow_table::{ArrowTable, columns_text};
pub(crate) use attached::{attach_again, is_attached};
pub(crate) use capsule::{schema_capsule, stream_capsule};
pub(crate) use converter::ForeignRows;
pub use converter::{ConvertOptions, RowConverter, RowKind};
pub use error::ConvertError;
pub(crate) use error::{argument, wrong_type};
pub(crate) use foreign_call::{call_foreign, call_foreign_method, next_foreign};
pub(crate) use interpreter::refuse_sub_interpreters;
pub(crate) use month_interval::MonthsAsText;
pub(crate) use query_tags::query_tags;
pub(crate) use requested::Requested;
pub(crate) use row::row_base;
pub use time_slice::TimeSlice;
