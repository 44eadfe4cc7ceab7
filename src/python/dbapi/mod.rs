//! The DB-API 2.0 surface (PEP 249), one of its concepts a file.

mod arguments;
mod arrow;
mod connect;
mod connection;
mod cursor;
mod description;
mod exceptions;
mod executemany;
mod execution;
mod frames;
mod metadata;
pub mod module;
mod options;
mod progress;
mod result_set;
mod row_factory;
mod submitted;
mod transaction;
mod turn;
mod types;
mod volume;
