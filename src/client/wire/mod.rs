//! Serde mirror of the REST documents of the Statement Execution API. It holds no logic.

pub mod chunk;
pub mod manifest;
pub mod request;
pub mod status;

pub use chunk::{ExternalLink, ResultData};
pub use manifest::{ChunkInfo, ColumnInfo, Compression, Format, ResultManifest, ResultSchema};
pub use request::{
    CreateSessionRequest, Disposition, ExecuteStatementRequest, QueryTag, StatementParameter,
};
pub use status::{
    ApiError, CreateSessionResponse, NestedError, SessionVersion, StatementResponse,
    StatementState, StatementStatus, WarehouseResponse,
};
