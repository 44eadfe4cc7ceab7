//! The pure asynchronous core of the driver. It never sees Python.

pub mod auth;
pub mod background;
pub mod config;
pub mod control;
mod counts;
pub mod error;
pub mod host;
pub mod metadata;
pub(crate) mod of_process;
mod open_session;
mod option_names;
pub mod parameter;
pub mod represent;
pub mod results;
pub mod secret;
pub mod session;
pub mod sql;
pub mod statement;
pub mod submitted;
mod transport;
mod turns;
pub mod volume;
pub mod wire;

pub use config::{
    ClientCertificate, HttpConfig, ProxyConfig, ResultConfig, RetryConfig, RetryPolicy,
    SessionConfig, TlsConfig,
};
pub use control::{Phase, StatementControl};
pub use error::{Error, ErrorCode, Result};
pub use host::Endpoint;
pub use metadata::Metadata;
pub use option_names::OptionNames;
pub use represent::{Representation, RepresentedStream};
pub use results::{Received, ResultStream};
pub use secret::Secret;
pub use session::{Session, WeakSession};
pub use statement::{Delivery, ExecutedStatement, Statement};
pub use submitted::{Progress, SubmittedStatement};
pub(crate) use transport::redact;
pub use turns::while_waiting;
