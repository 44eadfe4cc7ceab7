//! A DB-API 2.0 driver for Databricks SQL: a pure asynchronous core and the Python surfaces over it.

pub mod client;
