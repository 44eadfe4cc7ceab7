//! SQL text and the values that go into it: markers, literals, rows of INSERT.
//!
//! Nothing here speaks to the service, and nothing here parses more of SQL than it must.

mod bind;
mod clauses;
mod column_type;
mod insert;
mod lexer;
mod literal;
mod lookup;
mod markers;
mod operand;
mod transaction;
mod value;
mod verb;

pub use bind::{BindError, BoundStatement, Template, Values};
pub use column_type::Target;
pub use insert::{Batch, Batches, InsertTemplate};
pub(crate) use lookup::{
    alters_session, ends_transaction, may_run_in_part, only_looks, only_queries, only_reads,
};
pub use lookup::{is_empty, only_defines};
pub use transaction::{TransactionStatement, transaction_statement};
pub use value::{SqlType, Value};

/// Most parameters that the service takes with a statement.
pub const MOST_PARAMETERS: usize = 256;
/// Most bytes of text that the service takes as a statement.
pub const MOST_TEXT: usize = 16 << 20;
