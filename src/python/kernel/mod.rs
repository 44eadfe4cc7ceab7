//! The low-level surface, with the names and signatures of the official kernel: `Session` and what it
//! hands out.

mod async_statement;
mod canceller;
mod error;
mod executed;
mod execution;
mod handle;
mod knobs;
mod metadata;
mod options;
mod reader;
mod session;
mod sign_in;
mod statement;
mod stream;
mod telemetry;

pub(crate) use async_statement::ExecutedAsyncStatement;
pub(crate) use canceller::StatementCanceller;
pub(crate) use error::KernelError;
pub(crate) use executed::ExecutedStatement;
pub(crate) use metadata::Metadata;
pub(crate) use session::Session;
pub(crate) use statement::Statement;
pub(crate) use stream::ResultStream;
