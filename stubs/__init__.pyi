"""Databricks SQL through the Statement Execution API.

`databricks_sql_kernel.dbapi` is the DB-API 2.0 driver, for applications. The names of this module
are the
low-level ones of the official `databricks-sql-kernel`, which `databricks-sql-connector` calls with
`use_kernel=True`: sessions, statements, and results as pyarrow objects. pyarrow is needed for
those only.

All objects may be used from several threads; calls on one object that need it for themselves wait
for
each other. Every call that waits can be interrupted by Ctrl-C. In a forked child the objects of its
parent raise `KernelError` with the code `InvalidStatementHandle`, and send nothing.
"""

from collections.abc import Sequence
from typing import final

import pyarrow  # type: ignore[import-untyped, import-not-found, unused-ignore]

from . import connector as connector
from . import dbapi as dbapi

__all__ = [
    "ExecutedAsyncStatement",
    "ExecutedStatement",
    "KernelError",
    "Metadata",
    "ResultStream",
    "Session",
    "Statement",
    "StatementCanceller",
    "__version__",
    "connector",
    "dbapi",
    "init_logging",
    "reset_logging",
]

__version__: str

class KernelError(Exception):
    """A failure, with what the service said of it as attributes.

    An instance that the driver raised has all of the attributes below, None where nothing is
    known, and
    `args == (message,)`.
    """

    code: str
    """`InvalidArgument`, `Unauthenticated`, `PermissionDenied`, `NotFound`, `ResourceExhausted`,
    `Unavailable`, `Timeout`, `Cancelled`, `DataLoss`, `Internal`, `InvalidStatementHandle`,
    `NetworkError`, `SqlError` or `Unknown`."""
    message: str
    """The message; the service's own text is in it whole."""
    sql_state: str | None
    """The five characters of the SQLSTATE."""
    error_code: str | None
    """The service's error code, as text."""
    vendor_code: int | None
    """Always None."""
    http_status: int | None
    """The status of the HTTP answer that was the failure."""
    retryable: bool
    """Whether the same call may succeed later."""
    query_id: str | None
    """The statement that failed."""
    display_message: str | None
    """The service's shorter message for end users."""
    diagnostic_info: str | None
    """The service's stack trace or the like."""
    error_details_json: str | None
    """The service's machine-readable details."""
    maybe_executed: bool
    """Whether a statement whose answer was lost may have run; look before you send it again."""

@final
class Session:
    """A session of a SQL warehouse."""

    def __new__(
        cls,
        host: str,
        http_path: str,
        *,
        auth_type: str | None = None,
        access_token: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        oauth_scopes: Sequence[str] | None = None,
        token_url: str | None = None,
        redirect_ports: Sequence[int] | None = None,
        oauth_callback_timeout_secs: int | None = None,
        jwt_key_file: str | None = None,
        jwt_kid: str | None = None,
        jwt_passphrase: str | None = None,
        jwt_algorithm: str | None = None,
        identity_federation_client_id: str | None = None,
        azure_client_id: str | None = None,
        azure_client_secret: str | None = None,
        azure_tenant_id: str | None = None,
        azure_workspace_resource_id: str | None = None,
        token_cache_enabled: bool | None = None,
        token_cache_passphrase: str | None = None,
        tls_ca_cert: bytes | None = None,
        tls_skip_verify: bool = False,
        tls_skip_hostname_verify: bool = False,
        tls_client_cert: bytes | None = None,
        tls_client_key: bytes | None = None,
        sea_response_compression_enabled: bool = False,
        request_timeout_secs: float | None = None,
        max_connections: int | None = None,
        retry_min_wait_secs: int | None = None,
        retry_max_wait_secs: int | None = None,
        retry_max_attempts: int | None = None,
        retry_overall_timeout_secs: int | None = None,
        http_headers: Sequence[tuple[str, str]] | None = None,
        catalog: str | None = None,
        schema: str | None = None,
        session_conf: dict[str, str] | None = None,
        enable_geospatial_support: bool = True,
        driver_name: str | None = None,
        driver_version: str | None = None,
        runtime_name: str | None = None,
        runtime_version: str | None = None,
        runtime_vendor: str | None = None,
        os_name: str | None = None,
        os_version: str | None = None,
        os_arch: str | None = None,
        client_app_name: str | None = None,
        locale_name: str | None = None,
        char_set_encoding: str | None = None,
        process_name: str | None = None,
        complex_types_as_json: bool = False,
        intervals_as_string: bool = False,
        telemetry_enabled: bool | None = None,
        telemetry_batch_size: int | None = None,
        telemetry_flush_interval_ms: int | None = None,
        telemetry_max_retries: int | None = None,
        telemetry_retry_delay_ms: int | None = None,
        telemetry_close_flush_timeout_ms: int | None = None,
        telemetry_circuit_breaker_enabled: bool | None = None,
        telemetry_circuit_breaker_threshold: int | None = None,
        telemetry_circuit_breaker_timeout_ms: int | None = None,
    ) -> Session:
        """Open a session.

        Args:
            host: The workspace, as `name[:port]` or an `https://` URL, which may end with a path;
                `http://` for loopback hosts only.
            http_path: `/sql/1.0/warehouses/ID` or `/sql/1.0/endpoints/ID`; `?o=N` names the
                workspace.
            auth_type: `pat`, `oauth-m2m`, `oauth-m2m-jwt`, `oauth-u2m` or `azure-sp-m2m`. With an
                `access_token` alone it is `pat`.
            access_token: A personal access token, or a token of another issuer, which is exchanged.
            client_id: The service principal, or the OAuth application of `oauth-u2m`.
            client_secret: Its secret, for `oauth-m2m`.
            oauth_scopes: Other scopes than `all-apis` (or `sql offline_access` for `oauth-u2m`).
            token_url: The token endpoint of another identity provider.
            redirect_ports: Ports of loopback for the answer of the browser, tried in order.
            oauth_callback_timeout_secs: Longest time to wait for the browser.
            jwt_key_file: A private key in PEM, for `oauth-m2m-jwt`.
            jwt_kid: The key's id.
            jwt_passphrase: What opens an encrypted key.
            jwt_algorithm: RS256 (default), RS384, RS512, PS256, PS384, PS512, ES256 or ES384.
            identity_federation_client_id: The service principal that a foreign token is exchanged
                for.
                With it a refused exchange is an error; without it the token itself is used then.
            azure_client_id: The service principal of `azure-sp-m2m`.
            azure_client_secret: Its secret.
            azure_tenant_id: Its tenant; the workspace is asked for it otherwise.
            azure_workspace_resource_id: The resource id of the workspace, for principals that are
                no
                users of it.
            token_cache_enabled: Whether `oauth-u2m` keeps its tokens in an encrypted file.
            token_cache_passphrase: What encrypts that file.
            tls_ca_cert: Certificate authorities in PEM, beside those of the system.
            tls_skip_verify: Do not check certificates.
            tls_skip_hostname_verify: Do not check the names in certificates.
            tls_client_cert: A certificate chain in PEM to show to the server; needs
                `tls_client_key`.
            tls_client_key: Its private key in PEM.
            sea_response_compression_enabled: Ask the workspace for answers compressed by gzip.
                What comes from storage is compressed anyway.
            request_timeout_secs: Longest silence of a server, in seconds; 0 for no limit.
            max_connections: Most connections kept to a host while they are not used.
            retry_min_wait_secs: Bound of the first wait before a repetition (1).
            retry_max_wait_secs: Bound of every wait (60).
            retry_max_attempts: Most attempts, the first included (6).
            retry_overall_timeout_secs: No repetition starts after this time (900).
            http_headers: Headers for the workspace, never for storage. A `User-Agent` is appended
                to the
                driver's own; headers that the driver sets itself are left out, with a warning.
            catalog: The catalog that unqualified names start from.
            schema: The schema that unqualified names start from.
            session_conf: Settings of the session, sent verbatim, except `cloudfetch_enabled`,
                `complex_types_as_json` and `intervals_as_string`, which are those of this driver,
                and
                bounds on chunks, which are accepted.
            enable_geospatial_support: GEOMETRY and GEOGRAPHY come as `struct<srid: int32, wkb:
                binary>`,
                else as text.
            driver_name: Accepted, as the following eleven, for telemetry.
            complex_types_as_json: ARRAY, MAP and STRUCT come as JSON texts. NaN and infinity are
                texts there.
            intervals_as_string: Intervals come as texts (`1-2`, `3 04:05:06.000000000`), inside
                nested
                values too.
            telemetry_enabled: Accepted, as all that begins with `telemetry_`: this driver has no
                telemetry, so nothing is sent. True is answered by a warning in the log.

        Raises:
            TypeError: An argument has another type.
            OverflowError: A number does not fit.
            ValueError: An argument for signing in, a time-out or a bound makes no sense.
            KernelError: `InvalidArgument` for host, path, key, certificate or header;
                `Unauthenticated`
                and `PermissionDenied` for tokens; `NetworkError` when the host cannot be reached.
        """

    @property
    def session_id(self) -> str:
        """The session's id at the service."""

    def statement(self) -> Statement:
        """A new statement."""

    def metadata(self) -> Metadata:
        """Questions about what the session can see."""

    def attach_async_statement(self, statement_id: str) -> ExecutedAsyncStatement:
        """A statement that was submitted before, by its id.

        It can neither be cancelled nor closed from here.

        Raises:
            KernelError: `NotFound` when the service does not know the id, or not any more.
        """

    def close(self) -> None:
        """Closes the session, once.

        Other methods raise from then on.
        """

@final
class Statement:
    """What is to be executed.

    What is to be executed, once or again and again.
    """

    def set_sql(self, sql: str) -> None:
        """Sets the SQL text and forgets the parameters.

        Set the SQL text and forget the parameters; row limit and tags stay.
        """

    def set_row_limit(self, row_limit: int | None) -> None:
        """Sets the most rows that the service shall give; None for all."""

    def bind_param(self, ordinal: int, value_str: str | None, sql_type: str) -> None:
        """Binds the `ordinal`-th `?`, from 1, to a value that is given as text.

        Places left out are NULL.

        The value is its text, None for NULL. `sql_type` is BOOLEAN, TINYINT, SMALLINT, INT, BIGINT,
        FLOAT, DOUBLE, DECIMAL[(p[,s])], STRING, VARCHAR[(n)], CHAR[(n)], BINARY (the UTF-8 bytes
        of the
        text), DATE, TIMESTAMP, TIMESTAMP_LTZ, TIMESTAMP_NTZ, INTERVAL with or without its fields,
        VARIANT,
        GEOMETRY[(srid)] or GEOGRAPHY[(srid)] (extended well-known text), or VOID. A timestamp
        keeps its
        offset, and with it its instant; without one it is in the session's zone. A DECIMAL is
        widened for more digits behind the point than it has, and not for those in front of it.

        Raises:
            KernelError: `InvalidArgument` when the type cannot be bound, the text is no value of
                it, or
                parameters are bound by name already.
        """

    def bind_named_param(self, name: str, value_str: str | None, sql_type: str) -> None:
        """Binds `:name` to a value that is given as text."""

    def set_query_tags(self, tags: dict[str, str | None]) -> None:
        """Marks the statement in the query history.

        Keys and values may hold any characters; tags are set once.

        Raises:
            KernelError: `InvalidArgument` when tags were set before.
        """

    def canceller(self) -> StatementCanceller:
        """What cancels an execution, from any thread: the one that runs, or the first to come.

        When one has ended it does nothing, until the next begins.
        """

    def execute(self) -> ExecutedStatement:
        """Executes the statement and waits for its end.

        Raises:
            KernelError: `SqlError` when the statement fails, `Cancelled` when it was cancelled.
                With
                `maybe_executed` the answer was lost, and the statement has not been sent again.
        """

    def submit(self) -> ExecutedAsyncStatement:
        """Sends the statement and returns as soon as the service has named it."""

    def close(self) -> None:
        """Ends what runs on the statement; results that are being read stay readable.

        Results that are being read stay readable.
        """

@final
class StatementCanceller:
    """Cancels the statement that runs on a `Statement`, or the first that will."""

    def cancel(self) -> None:
        """Asks for the statement's end; before the service has named it, the wish is remembered."""

    def statement_id(self) -> str | None:
        """The statement's id, once the service has given it."""

@final
class ExecutedStatement:
    """A statement that succeeded, and its result."""

    @property
    def statement_id(self) -> str:
        """The statement's id at the service."""

    @property
    def num_modified_rows(self) -> int | None:
        """How many rows DML changed; None for other statements."""

    def arrow_schema(self) -> pyarrow.Schema:
        """The result's `pyarrow.Schema`.

        It can be asked for after `close`, too.

        Each field has the metadata `databricks.type_name`, `databricks.type_text`,
        `Spark:DataType:SqlName` and, where the service gives them, `databricks.type_precision`,
        `databricks.type_scale`, `databricks.type_interval_type` and `Spark:DataType:JsonType`.
        """

    def fetch_next_batch(self) -> pyarrow.RecordBatch | None:
        """The next rows as a `pyarrow.RecordBatch`; None after the last.

        Raises:
            KernelError: `DataLoss` when rows are missing or damaged. A result never just ends
                early.
        """

    def fetch_all_arrow(self) -> pyarrow.Table:
        """The rows that are left as a `pyarrow.Table`.

        After an interruption no row is lost: call again.
        """

    def cancel(self) -> None:
        """Asks the service to end the statement, and ends the fetching."""

    def close(self) -> None:
        """Closes the statement; the service hears of it in the background."""

@final
class ExecutedAsyncStatement:
    """A statement that runs by itself at the service.

    It is closed there when its last handle goes.
    """

    @property
    def statement_id(self) -> str:
        """The statement's id at the service."""

    def status(self) -> tuple[str, KernelError | None]:
        """Asks once how far the statement is: `(state, KernelError or None)`.

        The state is Pending, Running, Succeeded, Failed (with the failure), Cancelled or Closed.
        """

    def await_result(self) -> ResultStream:
        """Waits for the statement's end; the result can be fetched as often as wanted.

        Raises:
            KernelError: Why the statement failed, or `Cancelled`.
        """

    def fetch_result(self) -> ResultStream:
        """The result of a statement that has ended.

        Raises:
            KernelError: `InvalidArgument` while it runs.
        """

    def cancel(self) -> None:
        """Asks the service to end the statement."""

    def close(self) -> None:
        """Closes the statement at the service, if it was submitted here."""

    def reader(self) -> ExecutedAsyncStatement:
        """Another look at the same statement, which can neither cancel nor close it."""

@final
class Metadata:
    """Questions about catalogs, schemas, tables, columns, keys, functions and procedures.

    Identifiers are exact; patterns are those of LIKE (`%`, `_`, and a backslash before either).
    None asks for everything, an empty pattern and the catalog `""` for nothing. What is not there
    gives no rows. The columns are those of JDBC.
    """

    def list_catalogs(self) -> ResultStream:
        """The catalogs."""

    def list_schemas(
        self, *, catalog: str | None = None, schema_pattern: str | None = None
    ) -> ResultStream:
        """The schemas of one catalog or of all.

        The schemas of one catalog or of all: TABLE_SCHEM, TABLE_CATALOG.
        """

    def list_tables(
        self,
        *,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        table_pattern: str | None = None,
        table_types: Sequence[str] | None = None,
    ) -> ResultStream:
        """The tables and views of the catalogs that match a pattern.

        They come by type, catalog, schema and name; table types are compared without regard to
        case.
        """

    def list_columns(
        self,
        *,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        table_pattern: str | None = None,
        column_pattern: str | None = None,
    ) -> ResultStream:
        """The columns of tables and views."""

    def primary_keys(self, *, catalog: str, schema: str, table: str) -> ResultStream:
        """The columns of a table's primary key."""

    def foreign_keys(
        self,
        *,
        parent_catalog: str | None = None,
        parent_schema: str | None = None,
        parent_table: str | None = None,
        foreign_catalog: str,
        foreign_schema: str,
        foreign_table: str,
    ) -> ResultStream:
        """The foreign keys of a table; with a parent, those that refer to it."""

    def functions(
        self,
        *,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        name_pattern: str | None = None,
    ) -> ResultStream:
        """The functions of one catalog; of the current one where none is named."""

    def procedures(
        self,
        *,
        catalog: str | None = None,
        schema_pattern: str | None = None,
        name_pattern: str | None = None,
    ) -> ResultStream:
        """The procedures of one catalog or of all."""

    def table_types(self) -> ResultStream:
        """The types of tables that there are; asks nobody."""

    def type_info(self) -> ResultStream:
        """The SQL types; asks nobody."""

@final
class ResultStream:
    """The rows of a result."""

    def arrow_schema(self) -> pyarrow.Schema:
        """The result's `pyarrow.Schema`."""

    def fetch_next_batch(self) -> pyarrow.RecordBatch | None:
        """The next rows as a `pyarrow.RecordBatch`; None after the last."""

    def fetch_all_arrow(self) -> pyarrow.Table:
        """The rows that are left as a `pyarrow.Table`."""

    def close(self) -> None:
        """Lets go of the rows; the statement stays as it is."""

def init_logging() -> bool:
    """Has the driver's log go to Python's `logging`; True if this call did it.

    Importing the module does it, too. The logger is `databricks.sql.kernel`. Records are given to
    it by calls into the driver, on their way out; no thread of the driver's own calls Python. They
    hold no SQL text, no token and no URL of a result.
    """

def reset_logging() -> None:
    """Looks up the levels of Python's loggers again.

    Calls do that by themselves, too.
    """
