//! What stands behind `databricks-sql-connector`: its backend and its result sets, as the connector knows them.

mod backend;
mod description;
mod exceptions;
mod execution;
mod http;
mod install;
mod metadata;
pub(crate) mod module;
mod options;
mod parameters;
mod peer;
mod result_set;
mod rows;
mod sessions;
mod sign_in;
mod statements;
mod value;
