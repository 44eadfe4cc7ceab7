//! What stands behind `databricks-sql-connector`: its backend and its result sets, as the connector knows them.

mod backend;
mod description;
mod exceptions;
mod fetch;
mod http;
mod install;
pub(crate) mod module;
mod options;
mod parameters;
mod peer;
mod result_set;
mod sign_in;
mod statements;
mod value;
