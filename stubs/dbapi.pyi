"""A DB-API 2.0 (PEP 249) driver for Databricks SQL."""

import datetime
import decimal
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import (
    Any,
    ClassVar,
    Final,
    Literal,
    Protocol,
    SupportsFloat,
    SupportsIndex,
    TypeAlias,
    TypedDict,
    final,
    overload,
)

from typing_extensions import Buffer, CapsuleType, Self, Unpack

# This module, where the official connector has its exceptions: `except sql.exc.Error`.
from . import dbapi as exc

__all__ = [
    "BINARY",
    "DATE",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
    "TRANSACTION_ISOLATION_LEVEL_REPEATABLE_READ",
    "ArrayParameter",
    "ArrowReader",
    "ArrowTable",
    "BigIntegerParameter",
    "Binary",
    "BinaryParameter",
    "BooleanParameter",
    "Connection",
    "Cursor",
    "CursorAlreadyClosedError",
    "DBAPITypeObject",
    "DataError",
    "DatabaseError",
    "Date",
    "DateFromTicks",
    "DateParameter",
    "DecimalParameter",
    "DoubleParameter",
    "Error",
    "FloatParameter",
    "IntegerParameter",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "IntervalParameter",
    "InvalidServerResponseError",
    "MapParameter",
    "MaxRetryDurationError",
    "NonRecoverableNetworkError",
    "NotSupportedError",
    "OperationalError",
    "Parameter",
    "ProgrammingError",
    "Progress",
    "RequestError",
    "Row",
    "ServerOperationError",
    "SessionAlreadyClosedError",
    "SmallIntParameter",
    "StringParameter",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "TimestampNTZParameter",
    "TimestampParameter",
    "TinyIntParameter",
    "TransactionError",
    "UnsafeToRetryError",
    "VoidParameter",
    "Warning",
    "apilevel",
    "connect",
    "exc",
    "paramstyle",
    "threadsafety",
]

__version__: Final[str]

apilevel: Final = "2.0"
threadsafety: Final = 2
paramstyle: Final = "named"
TRANSACTION_ISOLATION_LEVEL_REPEATABLE_READ: Final = "REPEATABLE_READ"

_RowFactory: TypeAlias = (
    type[Row]
    | type[tuple[Any, ...]]
    | type[dict[str, Any]]
    | Callable[[Cursor, tuple[Any, ...]], Any]
)
_Progress: TypeAlias = Callable[[Progress], object]
_Path: TypeAlias = str | PathLike[str]
_Parameters: TypeAlias = Mapping[str, Any] | Sequence[Any]

_Token: TypeAlias = str | Mapping[str, str] | Awaitable[str | Mapping[str, str]]

class _Readable(Protocol):
    def read(self, size: int, /) -> Buffer: ...

class _Writable(Protocol):
    def write(self, piece: bytes, /) -> object: ...

class _TokenStore(Protocol):
    def read(self, hostname: str, /) -> Any: ...
    def persist(self, hostname: str, oauth_token: Any, /) -> object: ...

class _Options(TypedDict, total=False):
    """Keyword options of `connect`; each may be spelled with an underscore in front, too.

    The second part is known for the official connector's sake: see `connect`.
    """

    profile: str | None
    config_file: str | PathLike[str] | None
    warehouse_id: str | None
    port: int | None
    catalog: str | None
    schema: str | None
    session_configuration: Mapping[str, Any] | None
    query_tags: Mapping[str, str | None] | None
    enable_metric_view_metadata: bool | None
    escape_catalog_name: bool | None
    ignore_transactions: bool | None
    fetch_autocommit_from_server: bool | None
    row_factory: _RowFactory | None
    maps_as_dicts: bool | None
    dml_count_row: bool | None
    naive_datetime: Literal["timestamp", "timestamp_ntz"] | None
    use_inline_params: bool | Literal["silent"] | None
    statement_timeout: float | None
    on_truncated: Literal["raise", "warn"] | None
    use_cloud_fetch: bool | None
    max_buffered_bytes: int | None
    progress: _Progress | None
    retry_reads: bool | None
    staging_allowed_local_path: _Path | Sequence[_Path] | None
    http_headers: Sequence[tuple[str, str]] | None
    user_agent_entry: str | None
    connect_timeout: float | None
    login_timeout: float | None
    socket_timeout: float | None
    credentials_provider: Callable[[], _Token | Callable[[], _Token]] | None
    auth_type: str | None
    oauth_client_id: str | None
    oauth_client_secret: str | None
    oauth_scopes: Sequence[str] | None
    oauth_jwt_key_file: str | PathLike[str] | None
    oauth_jwt_kid: str | None
    oauth_jwt_passphrase: str | None
    oauth_jwt_algorithm: str | None
    token_url: str | None
    oauth_redirect_port: int | None
    oauth_callback_timeout: float | None
    oauth_token_cache_enabled: bool | None
    oauth_token_cache_passphrase: str | None
    experimental_oauth_persistence: _TokenStore | None
    azure_client_id: str | None
    azure_client_secret: str | None
    azure_tenant_id: str | None
    azure_workspace_resource_id: str | None
    identity_federation_client_id: str | None
    proxy: str | None
    no_proxy: str | None
    tls_trusted_ca_file: str | PathLike[str] | None
    tls_additional_ca_file: str | PathLike[str] | None
    tls_client_cert_file: str | PathLike[str] | None
    tls_client_cert_key_file: str | PathLike[str] | None
    tls_client_cert_key_password: str | None
    tls_no_verify: bool | None
    tls_verify_hostname: bool | None
    retry_delay_min: float | None
    retry_delay_max: float | None
    retry_stop_after_attempts_count: int | None
    retry_stop_after_attempts_duration: float | None
    _port: int | None
    _socket_timeout: float | None
    _proxy_auth_method: Literal["basic"] | None
    _tls_client_cert_file: str | PathLike[str] | None
    _tls_client_cert_key_file: str | PathLike[str] | None
    _tls_client_cert_key_password: str | None
    _tls_no_verify: bool | None
    _tls_trusted_ca_file: str | PathLike[str] | None
    _tls_verify_hostname: bool | None
    _user_agent_entry: str | None
    _retry_delay_min: float | None
    _retry_delay_max: float | None
    _retry_stop_after_attempts_count: int | None
    _retry_stop_after_attempts_duration: float | None

    enable_geospatial_support: Literal[False] | None
    enable_query_result_lz4_compression: bool | None
    enable_telemetry: bool | None
    force_enable_telemetry: bool | None
    max_connections: int | None
    max_download_threads: int | None
    pool_maxsize: int | None
    request_timeout_secs: float | None
    telemetry_batch_size: int | None
    use_hybrid_disposition: bool | None
    use_kernel: bool | None
    use_sea: bool | None
    _disable_pandas: bool | None
    _enable_ssl: bool | None
    _enable_v3_retries: bool | None
    _pool_connections: int | None
    _pool_maxsize: int | None
    _respect_server_retry_after_header: bool | None
    _retry_dangerous_codes: Sequence[int] | None
    _retry_delay_default: float | None
    _retry_max_redirects: int | None
    _skip_routing_headers: bool | None
    _telemetry_circuit_breaker_enabled: bool | None
    _use_arrow_native_complex_types: Literal[True] | None
    _use_arrow_native_decimals: bool | None
    _use_arrow_native_timestamps: bool | None

def connect(
    server_hostname: str | None = None,
    http_path: str | None = None,
    access_token: str | None = None,
    **options: Unpack[_Options],
) -> Connection:
    """Opens a session on a SQL warehouse.

    What is not given is looked for in the environment and then, if a profile is named or no host is
    known, in `~/.databrickscfg`, in the order of Databricks unified authentication.

    Every option of `databricks.sql.connect` 4.9 is known. One that chooses among that connector's
    own parts is ignored with one warning that says why, unless its value asks for what happens
    anyway.

    Args:
        server_hostname: Host of the workspace, `name[:port]` or an https URL. Plain http is spoken
            to loopback hosts only. Else `DATABRICKS_HOST` or `DATABRICKS_SERVER_HOSTNAME`, or
            `host` of the profile.
        http_path: Path of the warehouse, `/sql/1.0/warehouses/<id>`. Else `DATABRICKS_HTTP_PATH`,
            or `http_path` of the profile.
        access_token: A personal access token. Else `DATABRICKS_TOKEN`, or `token` of the profile. A
            JSON web token of another issuer is exchanged for one of the workspace.
        credentials_provider: A callable that returns a token, or headers with `Authorization`, or a
            callable that returns such headers; it may be a coroutine function. It is called on a
            thread of the driver, when there is no token, shortly before one ends, and once when one
            is refused.
        auth_type: The way to sign in: "pat", "oauth-m2m", "oauth-m2m-jwt", "databricks-oauth" (with
            the browser), "azure-sp-m2m", "azure-msi", "azure-cli", "databricks-cli", "env-oidc",
            "file-oidc", "github-oidc"; the names of other programs for them are known, too. Else
            the first of them for which there is all it needs; with the browser only if a terminal
            is there.
        oauth_client_id: Id of a service principal of the workspace, or of an application that users
            sign in to.
        oauth_client_secret: Its secret.
        oauth_scopes: Scopes to ask for, instead of "all-apis", or "sql" and "offline_access".
        oauth_jwt_key_file: Private key of the service principal in PEM, instead of its secret: RSA,
            P-256 or P-384, encrypted or not.
        oauth_jwt_kid: Id of that key.
        oauth_jwt_passphrase: What opens an encrypted key.
        oauth_jwt_algorithm: RS256 (the default), RS384, RS512, PS256, PS384, PS512, ES256 or ES384.
        token_url: Token endpoint of another identity provider, for service principals.
        oauth_redirect_port: Port of this machine that the browser comes back to; the first of 8020
            to 8024 that is free by default.
        oauth_callback_timeout: Most seconds that the user may take; 120 by default.
        oauth_token_cache_enabled: Whether to stay signed in beyond the end of the process, by an
            encrypted file that only its owner can read.
        oauth_token_cache_passphrase: What opens it; by default a key that lies beside it.
        experimental_oauth_persistence: An object that stays signed in its own way, as for the
            official connector: `read(hostname)` gives None or what `persist(hostname, token)` was
            given, which has `access_token` and `refresh_token`.
        azure_client_id: Id of a service principal of Entra ID, or of a managed identity.
        azure_client_secret: Its secret.
        azure_tenant_id: Its tenant; by default that of the workspace.
        azure_workspace_resource_id: The workspace's resource in Azure, for principals that have a
            role on it and are no users of the workspace.
        identity_federation_client_id: The service principal to become when a token of another
            issuer is exchanged; a refused exchange is an error then.
        profile: The profile of `~/.databrickscfg`; else `DATABRICKS_CONFIG_PROFILE`. A profile is
            not taken to another host than its own.
        config_file: The file of profiles; else `DATABRICKS_CONFIG_FILE`, or `~/.databrickscfg`.
        warehouse_id: The warehouse's id, instead of `http_path`. Else `DATABRICKS_WAREHOUSE_ID`, or
            `warehouse_id` of the profile.
        catalog: The catalog that unqualified names start from.
        schema: The schema that unqualified names start from.
        session_configuration: Session settings, sent as they are; booleans in lower case.
        query_tags: Tags of the session's statements, as in the query history; None is a tag without
            a value. Keys are not empty and have neither colons nor commas here.
        enable_metric_view_metadata: Whether metric views are told apart from tables.
        escape_catalog_name: Whether `tables` takes underscores in a catalog's name as themselves.
        ignore_transactions: True has every statement committed when it ends: setting `autocommit`
            to False does nothing then, and `rollback` raises. Transactions that a statement begins
            are committed and rolled back all the same.
        fetch_autocommit_from_server: Whether reading `autocommit` asks the service.
        row_factory: `Row`, `tuple`, `dict`, or a callable of the cursor and the row as a tuple.
        dml_count_row: Whether the row of counts that the service answers INSERT, UPDATE, DELETE and
            MERGE with is a result to fetch, as with the official connector; True by default. With
            False there is no result after them, as PEP 249 has it, and `rowcount` has the count.
        maps_as_dicts: Whether MAP values are dicts; if not, lists of (key, value) tuples.
        naive_datetime: What a datetime without a zone is as a parameter: "timestamp" (the default),
            a moment in the zone of the session, or "timestamp_ntz", a wall time.
        use_inline_params: True writes all parameters into the text of statements, as literals;
            `%%` is then a percent sign in quoted text, too. "silent" is the same.
        statement_timeout: Most seconds that may be spent waiting for one statement, its rows
            included.
        on_truncated: What happens when the service cuts a result although no limit was asked for:
            "raise" (the default) a DataError, or "warn" by a RuntimeWarning.
        use_cloud_fetch: False asks for results inside the answers (25 MiB at most) instead of links
            to cloud storage.
        max_buffered_bytes: Most bytes of a result that are held ahead of its reader; 64 MiB by
            default.
        progress: What is called with a `Progress` while a statement or its rows are waited for,
            such as `print`; what it raises ends the statement.
        retry_reads: Whether queries are sent again when their answer was lost, although they may
            have run, and may still run.
        staging_allowed_local_path: A local directory or file, or several, that PUT and GET
            statements may use; none by default.
        http_headers: Further headers for the workspace, as (name, value) pairs.
        user_agent_entry: Text that is added to the user agent.
        port: Port of the workspace, if not in `server_hostname`.
        connect_timeout: Most seconds to set a TCP and TLS connection up; 10 by default.
        login_timeout: Most seconds that `connect` may take: token, repetitions and the session, for
            which a warehouse may have to start; 900 by default.
        socket_timeout: Most seconds of silence from a server that owes an answer; 60 by default.
        proxy: URL of a proxy for everything that is sent, "http://user:password@host:port"; by
            default what `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
        no_proxy: Hosts, domains and networks that are reached without it, separated by commas.
        tls_trusted_ca_file: PEM file of certificate authorities, instead of those of the system.
        tls_additional_ca_file: PEM file of certificate authorities, beside those.
        tls_client_cert_file: PEM file of the certificate to show to servers that ask for one.
        tls_client_cert_key_file: PEM file of its key; by default it is looked for in the same file.
        tls_client_cert_key_password: What opens an encrypted key.
        tls_no_verify: True trusts every certificate: anybody on the way can read all that is sent.
        tls_verify_hostname: False trusts certificates for any host name.
        retry_delay_min: Bound of the first wait between attempts, in seconds; 1 by default.
        retry_delay_max: Bound of later waits, in seconds; 60 by default.
        retry_stop_after_attempts_count: Most attempts at one request; 30 by default.
        retry_stop_after_attempts_duration: No attempt starts later than this many seconds after the
            first; 900 by default.

    Returns:
        An open connection.

    Raises:
        TypeError: An option is unknown.
        ProgrammingError: An argument cannot be right, or there are no credentials.
        NotSupportedError: An option of the official connector is not supported yet.
        OperationalError: The host cannot be reached, or the credentials are refused.

    Source: PEP 249, "connect"; POST /api/2.0/sql/sessions.
    """

@final
class Connection:
    """A session on a SQL warehouse."""

    Warning: ClassVar[type[_Warning]]
    Error: ClassVar[type[_Error]]
    InterfaceError: ClassVar[type[_InterfaceError]]
    DatabaseError: ClassVar[type[_DatabaseError]]
    DataError: ClassVar[type[_DataError]]
    OperationalError: ClassVar[type[_OperationalError]]
    IntegrityError: ClassVar[type[_IntegrityError]]
    InternalError: ClassVar[type[_InternalError]]
    ProgrammingError: ClassVar[type[_ProgrammingError]]
    NotSupportedError: ClassVar[type[_NotSupportedError]]

    @property
    def autocommit(self) -> bool:
        """Whether every statement is committed when it ends.

        True at first. False begins a transaction with the next statement, which lasts until
        `commit` or `rollback`. Each change is a statement, `SET AUTOCOMMIT`; what it is set to,
        here or by such a statement of yours, is remembered, and asked of the service only with
        `connect(fetch_autocommit_from_server=True)`. With `connect(ignore_transactions=True)`
        setting it to False does nothing.

        Raises:
            InterfaceError: The connection is closed.
            DatabaseError: The service refuses the change, as it does within a transaction.

        Source: PEP 249, "Optional DB API Extensions"; SQL, `SET AUTOCOMMIT`.
        """

    @autocommit.setter
    def autocommit(self, mode: bool, /) -> None: ...
    @property
    def messages(self) -> list[tuple[type[Exception], str]]:
        """Messages of the database that belong to no cursor: there are none.

        Source: PEP 249, "Connection.messages".
        """

    @property
    def open(self) -> bool:
        """Whether the connection can be used."""

    @property
    def session_id(self) -> str:
        """The session's id."""

    def cursor(
        self,
        arraysize: int = 1,
        buffer_size_bytes: int | None = None,
        row_limit: int | None = None,
        row_factory: _RowFactory | None = None,
        timeout: float | None = None,
        progress: _Progress | None = None,
    ) -> Cursor:
        """A new cursor.

        Args:
            arraysize: How many rows `fetchmany` fetches by default, at least 1.
            buffer_size_bytes: Accepted for the official connector's sake; `max_buffered_bytes` of
                `connect` is what counts.
            row_limit: Most rows that a result shall have.
            row_factory: What rows are made into, if not what the connection says.
            timeout: Most seconds that may be spent waiting for one statement, if not what the
                connection says.
            progress: What is called while one is waited for, if not what the connection says.

        Raises:
            InterfaceError: The connection is closed.

        Source: PEP 249, "Connection.cursor".
        """

    def ping(self, timeout: float | None = None) -> None:
        """Asks the service whether the session works, by a statement.

        It runs `SELECT 1`, which wakes a warehouse that sleeps.

        Args:
            timeout: Most seconds to wait, if not what the connection says.

        Raises:
            InterfaceError: The connection is closed.
            OperationalError: The session is lost, or the service does not answer.
        """

    def is_valid(self, timeout: float | None = None) -> bool:
        """Whether the session works, as far as the service can tell now.

        Args:
            timeout: As for `ping`.

        Returns:
            Whether `ping` raises no error.
        """

    def close(self) -> None:
        """Closes the session; what still runs in it ends.

        A transaction that is open is rolled back; so it is at the end of a `with` block.

        Source: PEP 249, "Connection.close"; DELETE /api/2.0/sql/sessions/{session_id}.
        """

    def commit(self) -> None:
        """Commits what was done since the last commit or rollback.

        A transaction is one that `autocommit` False or a statement, `BEGIN TRANSACTION`, began.
        Where none is open, and when no statement has run since, nothing is sent.

        Raises:
            InterfaceError: The connection is closed.
            DatabaseError: The transaction was not committed, for example after a conflict. With
                `maybe_executed` its answer was lost, and it may have been.

        Source: PEP 249, "Connection.commit"; SQL, `COMMIT`.
        """

    def rollback(self) -> None:
        """Undoes what was done since the last commit or rollback.

        Where no transaction is open, and when no statement has run since, nothing is sent.

        Raises:
            InterfaceError: The connection is closed.
            NotSupportedError: The connection was opened with `ignore_transactions=True`, and no
                statement began a transaction.
            DatabaseError: The service failed to roll back.

        Source: PEP 249, "Connection.rollback"; SQL, `ROLLBACK`.
        """

    def get_transaction_isolation(self) -> str:
        """The isolation of transactions; there is one level only.

        Returns:
            "REPEATABLE_READ".
        """

    def set_transaction_isolation(self, level: str) -> None:
        """Accepts the one level that there is.

        Args:
            level: "REPEATABLE_READ" or "REPEATABLE READ", in any case.

        Raises:
            NotSupportedError: It is another.
        """

    def get_session_id(self) -> str:
        """The session's id, as the official connector has it."""

    def get_session_id_hex(self) -> str:
        """The session's id, as the official connector has it."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class Progress:
    """How far a statement is.

    Its text is for people: "downloading, 3.2 s, 40000 of 100000 rows, 1.3 MB".
    """

    @property
    def phase(self) -> str:
        """ "queued", "starting warehouse", "running", "downloading" or "uploading"."""

    @property
    def elapsed(self) -> float:
        """Seconds since the call began that sent the statement."""

    @property
    def rows(self) -> int:
        """Rows of the result that have come."""

    @property
    def total_rows(self) -> int | None:
        """Rows that the result has; None while that is unknown."""

    @property
    def bytes(self) -> int:
        """Bytes of the result, or of the file, that have come or gone."""

    @property
    def query_id(self) -> str | None:
        """The statement's id; None while it is unknown."""

@final
class Cursor:
    """Executes statements on a connection, one at a time, and fetches their rows."""

    @property
    def connection(self) -> Connection:
        """The connection that the cursor is of."""

    @property
    def description(
        self,
    ) -> list[tuple[str, str, None, None, int | None, int | None, bool | None]] | None:
        """One tuple of seven a column; None when there is no result.

        The tuples hold name, type code (the SQL type's name in lower case, equal to the type
        objects), None, None, precision and scale of DECIMAL, and None.
        """

    @property
    def rowcount(self) -> int:
        """How many rows the statement returned or changed; -1 when that is unknown."""

    @property
    def rownumber(self) -> int | None:
        """How many rows have been fetched; None when there is no result."""

    @property
    def lastrowid(self) -> None:
        """Always None: tables have no row ids."""

    @property
    def messages(self) -> list[tuple[type[Exception], str]]:
        """What was said beside the result, as (class, message) pairs, since the last statement.

        Source: PEP 249, "Cursor.messages".
        """

    @property
    def open(self) -> bool:
        """Whether the cursor can be used."""

    @property
    def row_limit(self) -> int | None:
        """Most rows that a result shall have."""

    @property
    def truncated(self) -> bool:
        """Whether a limit cut the result."""

    @property
    def query_id(self) -> str | None:
        """The statement's id, known as soon as the service has given it."""

    @property
    def arraysize(self) -> int:
        """How many rows `fetchmany` fetches by default."""

    @arraysize.setter
    def arraysize(self, size: int, /) -> None: ...
    def execute(
        self,
        operation: str,
        parameters: _Parameters | None = None,
        *,
        timeout: float | None = None,
        query_tags: Mapping[str, str | None] | None = None,
        input_stream: _Readable | bytes | None = None,
        output_stream: _Writable | None = None,
        progress: _Progress | None = None,
    ) -> Self:
        """Executes a statement and waits for its end.

        `PUT`, `GET` and `REMOVE` of files in volumes move the file, too; there is no result then.

        Args:
            operation: The SQL text. It is sent as it is, except that `%(name)s` and `%s` become
                markers of the service, and values without a parameter type become literals.
            parameters: A mapping for `:name` and `%(name)s` markers, a list or tuple for `?` or
                `%s` markers. None is NULL; an int becomes INT, BIGINT or DECIMAL by its size, a
                float DOUBLE, a Decimal one of its own precision and scale, str and UUID STRING,
                bytes BINARY, a date DATE, a datetime TIMESTAMP (without a zone: in that of the
                session), a timedelta INTERVAL DAY TO SECOND, a list or tuple ARRAY, a mapping MAP.
                `Parameter` and its subclasses give a value another type.
            timeout: Most seconds that may be spent waiting for the statement, its rows included.
            query_tags: What the statement is marked with in the query history, beside the tags of
                the session; None is a tag without a value.
            input_stream: What `PUT '__input_stream__' INTO '/Volumes/...'` sends: a binary stream,
                from where it stands, or bytes.
            output_stream: The binary stream that `GET '/Volumes/...' TO '__output_stream__'` writes
                to.
            progress: What is called meanwhile, if not what the cursor says.

        Returns:
            The cursor itself.

        Raises:
            ProgrammingError: The statement or a parameter is wrong, or a local file is outside of
                `staging_allowed_local_path`.
            DatabaseError: The statement failed; the subclass goes by SQLSTATE.
            OperationalError: The service could not be reached. `maybe_executed` is True when the
                statement may have run all the same: it is never sent again by the driver then.

        Source: PEP 249, "Cursor.execute"; POST /api/2.0/sql/statements.
        """

    def executemany(
        self,
        operation: str,
        seq_of_parameters: Iterable[_Parameters],
        *,
        timeout: float | None = None,
        query_tags: Mapping[str, str | None] | None = None,
    ) -> Self:
        """Executes a statement for each set of parameters.

        Rows of `INSERT INTO table [(columns)] VALUES (...)`, where the row is of markers and
        constants, go together, in their order: as parameters while 256 are enough, beyond that as
        literals in statements of at most 16 MiB. Rows whose values have other SQL types start
        another statement; None fits any type, whole numbers and decimals fit each other in a
        DECIMAL column, and whole numbers and floats in one of FLOAT or DOUBLE (the table is asked
        for its columns when that saves statements). Other statements are executed in turn.
        `rowcount` is the sum afterwards.

        Args:
            operation: The SQL text.
            seq_of_parameters: Sets of parameters, each as for `execute`. All are read before
                anything is sent.
            timeout: Most seconds that may be spent waiting for each statement that is sent.

        Returns:
            The cursor itself.

        Raises:
            ProgrammingError: A set of parameters is wrong; the message counts sets from 0.
            DatabaseError: A statement failed; the message has the sets that it was for. Those
                before are in the table, and `retryable` is False then. Nothing is sent again: with
                `maybe_executed`, those of the message may be in it, too.

        Source: PEP 249, "Cursor.executemany".
        """

    def execute_async(
        self,
        operation: str,
        parameters: _Parameters | None = None,
        *,
        query_tags: Mapping[str, str | None] | None = None,
        detach: bool = False,
    ) -> Self:
        """Executes a statement and does not wait for its end.

        `query_id` is known then; `get_async_execution_result` waits for the end.

        Args:
            operation: The SQL text.
            parameters: As for `execute`.
            query_tags: As for `execute`.
            detach: Whether the statement goes on when cursor, connection and process end. If not,
                it ends with the cursor. The session stays open at the service then, too, until it
                was idle for a while.

        Raises:
            DatabaseError: The statement was refused; it may fail later, too.
            OperationalError: The service could not be reached; see `maybe_executed`.

        Source: POST /api/2.0/sql/statements.
        """

    def attach(self, query_id: str) -> Self:
        """Finds a statement that was executed before, here or elsewhere, by its id.

        Its result can be fetched after `get_async_execution_result`, for an hour after it
        succeeded. `cancel` ends it; closing the cursor does not.

        Raises:
            ProgrammingError: The service does not know the id, or not any more.

        Source: GET /api/2.0/sql/statements/{statement_id}.
        """

    def get_query_state(self) -> str:
        """The state of the statement that was submitted.

        Returns:
            PENDING, RUNNING, SUCCEEDED, FAILED, CANCELLED or CLOSED.

        Raises:
            ProgrammingError: None was, by `execute_async` or `attach`.

        Source: GET /api/2.0/sql/statements/{statement_id}.
        """

    def is_query_pending(self) -> bool:
        """Whether the statement that was submitted has not ended yet.

        Raises:
            ProgrammingError: None was, by `execute_async` or `attach`.
        """

    def get_async_execution_result(self) -> Self:
        """Waits for the end of the statement that was submitted, and takes its result.

        Raises:
            ProgrammingError: None was, by `execute_async` or `attach`; or it is wrong.
            DatabaseError: It failed.
            OperationalError: It was cancelled, or did not end within the time of the cursor.
        """

    def catalogs(self) -> Self:
        """The catalogs.

        As other metadata methods it is a statement, or several of which `query_id` is the last:
        `cancel`, `close`, the cursor's `timeout` and `progress` are for it, too.

        Returns:
            The cursor itself; its result has the column TABLE_CAT.

        Source: SQL, `SHOW CATALOGS`.
        """

    def schemas(self, catalog_name: str | None = None, schema_name: str | None = None) -> Self:
        """The schemas of one catalog or of all.

        Args:
            catalog_name: The catalog's name; None, `%` and `*` for all.
            schema_name: A pattern, with `%` and `_`; None for all. An empty name or pattern is as
                None, here and in the methods below.

        Returns:
            The cursor itself; its result has the columns TABLE_SCHEM and TABLE_CATALOG.

        Source: SQL, `SHOW SCHEMAS`.
        """

    def tables(
        self,
        catalog_name: str | None = None,
        schema_name: str | None = None,
        table_name: str | None = None,
        table_types: Sequence[str] | None = None,
    ) -> Self:
        """The tables and views.

        Args:
            catalog_name: A pattern, with `%` and `_`; `connect(escape_catalog_name=True)` takes
                each underscore as itself. None, `%` and `*` for all.
            schema_name: A pattern; None for all.
            table_name: A pattern; None for all.
            table_types: A list, tuple or other sequence of such as TABLE and VIEW, in any case;
                None for all.

        Returns:
            The cursor itself; its result has the columns TABLE_CAT, TABLE_SCHEM, TABLE_NAME,
            TABLE_TYPE, REMARKS and others, as JDBC has them.

        Source: SQL, `SHOW TABLES`.
        """

    def columns(
        self,
        catalog_name: str | None = None,
        schema_name: str | None = None,
        table_name: str | None = None,
        column_name: str | None = None,
    ) -> Self:
        """The columns of tables and views.

        Args:
            catalog_name: The catalog's name; None, `%` and `*` for all.
            schema_name: A pattern, with `%` and `_`; None for all.
            table_name: A pattern; None for all.
            column_name: A pattern; None for all.

        Returns:
            The cursor itself; its result has the columns TABLE_CAT, TABLE_SCHEM, TABLE_NAME,
            COLUMN_NAME, DATA_TYPE, TYPE_NAME and others, as JDBC has them.

        Source: SQL, `SHOW COLUMNS`.
        """

    def primary_keys(
        self, catalog_name: str | None, schema_name: str | None, table_name: str
    ) -> Self:
        """The columns of a table's primary key.

        Args:
            catalog_name: The catalog's name; None, or an empty one, for the current one.
            schema_name: The schema's name; the same.
            table_name: The table's name.

        Returns:
            The cursor itself; its result has the columns TABLE_CAT, TABLE_SCHEM, TABLE_NAME,
            COLUMN_NAME, KEY_SEQ and PK_NAME, and no rows where there is no such key or table.

        Source: SQL, `SHOW KEYS`; JDBC, `DatabaseMetaData.getPrimaryKeys`.
        """

    def foreign_keys(
        self,
        catalog_name: str | None,
        schema_name: str | None,
        table_name: str,
        *,
        parent_catalog_name: str | None = None,
        parent_schema_name: str | None = None,
        parent_table_name: str | None = None,
    ) -> Self:
        """The foreign keys of a table, and what they refer to.

        Args:
            catalog_name: The catalog's name; None, or an empty one, for the current one.
            schema_name: The schema's name; the same.
            table_name: The table's name.
            parent_catalog_name: Only keys that refer to a table of this catalog.
            parent_schema_name: Only keys that refer to a table of this schema.
            parent_table_name: Only keys that refer to this table.

        Returns:
            The cursor itself; its result has the columns PKTABLE_CAT, PKTABLE_SCHEM, PKTABLE_NAME,
            PKCOLUMN_NAME, the same of FKTABLE, KEY_SEQ, UPDATE_RULE, DELETE_RULE, FK_NAME, PK_NAME
            and DEFERRABILITY.

        Source: SQL, `SHOW FOREIGN KEYS`; JDBC, `DatabaseMetaData.getCrossReference`.
        """

    def functions(
        self,
        catalog_name: str | None = None,
        schema_name: str | None = None,
        function_name: str | None = None,
    ) -> Self:
        """The functions of one catalog; of the current one where none is named.

        Args:
            catalog_name: The catalog's name; `%` and `*` for all, which are asked one by one.
            schema_name: A pattern, with `%` and `_`; None for all.
            function_name: A pattern; None for all.

        Returns:
            The cursor itself; its result has the columns FUNCTION_CAT, FUNCTION_SCHEM,
            FUNCTION_NAME, REMARKS, FUNCTION_TYPE and SPECIFIC_NAME.

        Source: SQL, `SHOW FUNCTIONS`; JDBC, `DatabaseMetaData.getFunctions`.
        """

    def procedures(
        self,
        catalog_name: str | None = None,
        schema_name: str | None = None,
        procedure_name: str | None = None,
    ) -> Self:
        """The procedures of one catalog or of all.

        Args:
            catalog_name: The catalog's name; None, `%` and `*` for all.
            schema_name: A pattern, with `%` and `_`; None for all.
            procedure_name: A pattern; None for all.

        Returns:
            The cursor itself; its result has the columns PROCEDURE_CAT, PROCEDURE_SCHEM,
            PROCEDURE_NAME, RESERVED1 to RESERVED3, REMARKS, PROCEDURE_TYPE and SPECIFIC_NAME.

        Source: SQL, `information_schema.routines`; JDBC, `DatabaseMetaData.getProcedures`.
        """

    def table_types(self) -> Self:
        """The types of tables that there are; asks nobody.

        Returns:
            The cursor itself; its result has the column TABLE_TYPE.

        Source: JDBC, `DatabaseMetaData.getTableTypes`.
        """

    def type_info(self) -> Self:
        """The SQL types, as JDBC numbers and describes them; asks nobody.

        Returns:
            The cursor itself; its result has the columns TYPE_NAME, DATA_TYPE, PRECISION and the
            others of JDBC, but for those of drivers alone.

        Source: JDBC, `DatabaseMetaData.getTypeInfo`.
        """

    def fetchone(self) -> Any:
        """The next row, or None after the last.

        Raises:
            ProgrammingError: There is no result.
            DataError: Python cannot hold a value.
            OperationalError: The result is not what the service announced, or cannot be read.

        Source: PEP 249, "Cursor.fetchone".
        """

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """At most `size` rows, `arraysize` if not given.

        Returns:
            A list of rows, one value an entry of `description`; empty after the last row.

        Source: PEP 249, "Cursor.fetchmany".
        """

    def fetchall(self) -> list[Any]:
        """All remaining rows.

        Source: PEP 249, "Cursor.fetchall".
        """

    def fetchall_arrow(self) -> Any:
        """All remaining rows as an Arrow table.

        Returns:
            A `pyarrow.Table` where pyarrow is installed, else an `ArrowTable`.
        """

    def fetchmany_arrow(self, size: int | None = None) -> Any:
        """At most `size` rows as an Arrow table, `arraysize` if not given.

        Returns:
            A `pyarrow.Table` where pyarrow is installed, else an `ArrowTable`; of no rows after the
            last.
        """

    def fetch_arrow_table(self) -> Any:
        """All remaining rows as an Arrow table.

        Returns:
            What `fetchall_arrow` returns.
        """

    def fetch_record_batch(self) -> Any:
        """The remaining rows as a reader of Arrow batches.

        It reads the result as it is read itself: rows come from the service when they are wanted,
        and `connect(max_buffered_bytes=)` bounds what is held ahead. The cursor stays open for it,
        and gives rows that the reader has not given.

        Returns:
            A `pyarrow.RecordBatchReader` where pyarrow is installed, which raises exceptions of
            this module; else an `ArrowReader`.

        Raises:
            ProgrammingError: There is no result.
        """

    def fetch_df(self) -> Any:
        """All remaining rows as a frame of pandas, by way of pyarrow.

        DECIMAL and DATE values are Python objects, times are `datetime64[us]`. Columns of integers
        with nulls have pandas' nullable types such as `Int64`, which hold them exactly.

        Raises:
            ImportError: pandas or pyarrow is not installed.
            ProgrammingError: There is no result.
        """

    def fetch_polars(self) -> Any:
        """All remaining rows as a frame of polars; pyarrow is not needed.

        Raises:
            ImportError: polars is not installed.
            ProgrammingError: There is no result, or columns share a name. No row is taken then.
        """

    def __arrow_c_schema__(self) -> CapsuleType:
        """The columns of the result as a capsule of an Arrow schema.

        Source: Arrow PyCapsule interface.
        """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """The remaining rows as a capsule of an Arrow array stream, which reads them as it is read.

        Whatever takes the interface reads the cursor by it: `polars.DataFrame(cursor)`,
        `duckdb.sql("FROM cursor")`, `pandas.DataFrame.from_arrow(cursor)`. Rows that have been
        fetched are no part of it. Failures are errors of the reader's own then, with our message.

        Args:
            requested_schema: A capsule of a schema with the same columns. They come in its types
                where these are other representations of the same data, else in their own; a value
                that does not fit is an error.

        Raises:
            ProgrammingError: There is no result, or another such stream has taken rows of it.
            ValueError: The requested schema has other columns.

        Source: Arrow PyCapsule interface.
        """

    def next(self) -> Any:
        """The next row; `StopIteration` after the last.

        Source: PEP 249, "Cursor.next".
        """

    def scroll(self, value: int, mode: str = "relative") -> None:
        """Not supported: results are read forward only.

        Raises:
            NotSupportedError: Always.
        """

    def cancel(self) -> None:
        """Cancels the statement that runs, from any thread.

        Whoever waits for it is let go at once where the service holds the first answer;
        `maybe_executed` of the error is True then. The service is told as soon as it has named
        the statement.

        Source: POST /api/2.0/sql/statements/{statement_id}/cancel.
        """

    def close(self) -> None:
        """Lets go of the result; the cursor cannot be used again.

        Source: PEP 249, "Cursor.close"; DELETE /api/2.0/sql/statements/{statement_id}.
        """

    def nextset(self) -> bool | None:
        """Does nothing: there is never more than one result."""

    def callproc(self, procname: str, parameters: Sequence[Any] | None = None) -> None:
        """Not supported.

        Raises:
            NotSupportedError: Always; `CALL` in SQL is the way.
        """

    def setinputsizes(self, sizes: Any) -> None:
        """Does nothing: parameters have their types from their values."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Does nothing: columns may be of any size."""

    def __iter__(self) -> Self: ...
    def __next__(self) -> Any: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
        /,
    ) -> None: ...

class Row(tuple[Any, ...]):
    """A row of a result: a tuple whose items are attributes, and found by column name, too.

    `Row(a=1, b=2)` has the names `a` and `b`. `Row("a", "b")` is a row of names: called with
    values, it makes rows of these names. Where columns share a name, it stands for the first of
    them. A name that `Row` or `tuple` has itself, such as `count`, is found by `row["count"]` only.
    """

    _fields: tuple[str, ...]
    """The names of the columns, in their order."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self: ...
    def __call__(self, *args: Any) -> Row: ...
    @overload
    def __getitem__(self, key: SupportsIndex | str, /) -> Any: ...
    @overload
    def __getitem__(self, key: slice, /) -> tuple[Any, ...]: ...
    def __getattr__(self, name: str) -> Any: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def asDict(self, recursive: bool = False) -> dict[str, Any]:
        """The row as a dict of column names and values.

        Args:
            recursive: Whether rows inside the values become dicts, too.

        Returns:
            A dict with one item a column; of columns that share a name, the last.

        Raises:
            TypeError: The row has no names.
        """

@final
class ArrowTable:
    """A result in memory, for those who can read Arrow but have no pyarrow.

    Whatever takes the Arrow PyCapsule interface (polars, duckdb, pandas, nanoarrow) reads it, as
    often as it likes. `len(table)` is the number of rows.
    """

    @property
    def num_rows(self) -> int:
        """The number of rows."""

    @property
    def num_columns(self) -> int:
        """The number of columns."""

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""

    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> CapsuleType:
        """The columns as a capsule of an Arrow schema.

        Source: Arrow PyCapsule interface.
        """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """The rows as a capsule of an Arrow array stream.

        Args:
            requested_schema: As for `Cursor.__arrow_c_stream__`.

        Source: Arrow PyCapsule interface.
        """

    def _repr_html_(self) -> str: ...

@final
class ArrowReader:
    """A result that is read batch by batch, for those who can read Arrow but have no pyarrow.

    Whatever takes the Arrow PyCapsule interface reads what is left of it, once.
    """

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""

    def read_next_batch(self) -> ArrowTable:
        """The next rows as a table; `StopIteration` after the last.

        Raises:
            InterfaceError: The cursor was closed, or went on to another statement.
            OperationalError: The result is not what the service announced, or cannot be read.
        """

    def read_all(self) -> ArrowTable:
        """The rows that are left as a table.

        Raises:
            InterfaceError: The cursor was closed, or went on to another statement.
            OperationalError: The result is not what the service announced, or cannot be read.
        """

    def __arrow_c_schema__(self) -> CapsuleType:
        """The columns as a capsule of an Arrow schema.

        Source: Arrow PyCapsule interface.
        """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> CapsuleType:
        """The rows that are left as a capsule of an Arrow array stream, once.

        Args:
            requested_schema: As for `Cursor.__arrow_c_stream__`.

        Raises:
            ProgrammingError: Another such stream has taken rows of the result.

        Source: Arrow PyCapsule interface.
        """

class Parameter:
    """A value of a given SQL type, for a marker of a statement.

    Values without a wrapper have types of their own (see `Cursor.execute`); a wrapper is for
    another type, and for None with a type. The classes below are this one with the type in their
    name. The official connector's own objects may be passed, too.

    Args:
        value: The value; None is NULL of the type.
        type: The type as SQL writes it, for example "SMALLINT", "DECIMAL(10,2)" or "INTERVAL YEAR
            TO MONTH".
        name: The name of the marker, when parameters are a list.

    Raises:
        TypeError: `type` is no SQL type of a parameter.
    """

    def __new__(cls, value: Any, type: str, name: str | None = None) -> Self: ...  # noqa: A002
    @property
    def value(self) -> Any:
        """The value."""

    @property
    def name(self) -> str | None:
        """The name of the marker that it is for; None when it goes by place."""

    @property
    def type(self) -> str:
        """The SQL type."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: ClassVar[None]  # type: ignore[assignment]

class VoidParameter(Parameter):
    """NULL."""

    def __new__(cls, value: None, name: str | None = None) -> Self: ...

class BooleanParameter(Parameter):
    """A BOOLEAN."""

    def __new__(cls, value: bool | None, name: str | None = None) -> Self: ...

class TinyIntParameter(Parameter):
    """A TINYINT."""

    def __new__(cls, value: SupportsIndex | None, name: str | None = None) -> Self: ...

class SmallIntParameter(Parameter):
    """A SMALLINT."""

    def __new__(cls, value: SupportsIndex | None, name: str | None = None) -> Self: ...

class IntegerParameter(Parameter):
    """An INT."""

    def __new__(cls, value: SupportsIndex | None, name: str | None = None) -> Self: ...

class BigIntegerParameter(Parameter):
    """A BIGINT."""

    def __new__(cls, value: SupportsIndex | None, name: str | None = None) -> Self: ...

class FloatParameter(Parameter):
    """A FLOAT, of 32 bits.

    Fractions are rounded to them. Refused are whole numbers that they do not hold, and what would
    become infinite or zero.
    """

    def __new__(cls, value: SupportsFloat | None, name: str | None = None) -> Self: ...

class DoubleParameter(Parameter):
    """A DOUBLE.

    A Decimal is rounded. Refused are ints that no double equals, and what would become infinite or
    zero.
    """

    def __new__(cls, value: SupportsFloat | None, name: str | None = None) -> Self: ...

class StringParameter(Parameter):
    """A STRING: a text, or what `str()` says of any other value but bytes and containers."""

    def __new__(cls, value: object, name: str | None = None) -> Self: ...

class BinaryParameter(Parameter):
    """A BINARY."""

    def __new__(cls, value: Buffer | None, name: str | None = None) -> Self: ...

class DateParameter(Parameter):
    """A DATE."""

    def __new__(cls, value: datetime.date | str | None, name: str | None = None) -> Self: ...

class TimestampParameter(Parameter):
    """A TIMESTAMP."""

    def __new__(cls, value: datetime.datetime | str | None, name: str | None = None) -> Self: ...

class TimestampNTZParameter(Parameter):
    """A `TIMESTAMP_NTZ`."""

    def __new__(cls, value: datetime.datetime | str | None, name: str | None = None) -> Self: ...

class IntervalParameter(Parameter):
    """An INTERVAL."""

    def __new__(cls, value: datetime.timedelta | str | None, name: str | None = None) -> Self: ...

class ArrayParameter(Parameter):
    """An ARRAY."""

    def __new__(cls, value: Sequence[Any] | None, name: str | None = None) -> Self: ...

class MapParameter(Parameter):
    """A MAP."""

    def __new__(cls, value: Mapping[Any, Any] | None, name: str | None = None) -> Self: ...

class DecimalParameter(Parameter):
    """A DECIMAL.

    Without `precision` and `scale` it has as many digits as the value. With both, the larger is the
    number of all digits and the smaller of those after the point: the official connector's class
    has the two the other way round. Digits beyond the scale are rounded, halves away from zero;
    a value with more digits in front of the point than fit is refused when it is sent.

    Raises:
        ValueError: Only one of `precision` and `scale` is given, or they are no DECIMAL.
    """

    def __new__(
        cls,
        value: decimal.Decimal | int | None,
        name: str | None = None,
        scale: int | None = None,
        precision: int | None = None,
    ) -> Self: ...

@final
class DBAPITypeObject:
    """Stands for a group of SQL types: it equals the type code of each of them.

    Source: PEP 249, "Type Objects and Constructors".
    """

    @property
    def values(self) -> tuple[str, ...]:
        """The type codes that it equals."""

    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

STRING: Final[DBAPITypeObject]
"""Text: STRING, CHAR, VARCHAR, and what comes as text: VARIANT, GEOMETRY, GEOGRAPHY."""
BINARY: Final[DBAPITypeObject]
"""Bytes."""
NUMBER: Final[DBAPITypeObject]
"""Numbers: BOOLEAN, the integers, FLOAT, DOUBLE, DECIMAL."""
DATETIME: Final[DBAPITypeObject]
"""Dates and points in time: DATE, TIMESTAMP, TIMESTAMP_NTZ."""
DATE: Final[DBAPITypeObject]
"""Dates alone, as the official connector has them."""
ROWID: Final[DBAPITypeObject]
"""Nothing: tables have no row ids."""

def Date(year: int, month: int, day: int) -> datetime.date:
    """A date.

    Raises:
        ValueError: There is no such date.

    Source: PEP 249, "Date".
    """

def Time(hour: int, minute: int, second: int, microsecond: int = 0) -> datetime.time:
    """A time of day.

    Raises:
        ValueError: There is no such time.

    Source: PEP 249, "Time".
    """

def Timestamp(
    year: int,
    month: int,
    day: int,
    hour: int = 0,
    minute: int = 0,
    second: int = 0,
    microsecond: int = 0,
    tzinfo: datetime.tzinfo | None = None,
) -> datetime.datetime:
    """A point in time.

    Args:
        year: From 1 to 9999.
        month: From 1 to 12.
        day: From 1 on.
        hour: From 0 to 23.
        minute: From 0 to 59.
        second: From 0 to 59.
        microsecond: From 0 to 999999.
        tzinfo: The zone; without one, a parameter is meant in the zone of the session.

    Raises:
        ValueError: There is no such time.

    Source: PEP 249, "Timestamp".
    """

def DateFromTicks(ticks: float) -> datetime.date:
    """The date of a time in seconds since the epoch, by the local clock.

    Source: PEP 249, "DateFromTicks".
    """

def TimeFromTicks(ticks: float) -> datetime.time:
    """The time of day of a time in seconds since the epoch, by the local clock.

    Source: PEP 249, "TimeFromTicks".
    """

def TimestampFromTicks(ticks: float) -> datetime.datetime:
    """The point in time of seconds since the epoch, by the local clock.

    Source: PEP 249, "TimestampFromTicks".
    """

def Binary(value: str | Buffer | Iterable[SupportsIndex]) -> bytes:
    """Bytes, from anything that holds some.

    Args:
        value: Bytes, any buffer, an iterable of integers from 0 to 255, or a text, which is encoded
            in UTF-8.

    Source: PEP 249, "Binary".
    """

class Warning(Exception):
    """Important warnings.

    Source: PEP 249, "Warning".
    """

    def __new__(cls, *_args: object) -> Self: ...

class Error(Exception):
    """Base of all errors of the driver.

    Attributes and message survive pickling; `__cause__` does not, so its gist is in the message.

    Source: PEP 249, "Error".
    """

    code: str | None
    """What kind of failure it is, such as `SqlError`, `Timeout`, `Cancelled` or `DataLoss`."""
    sql_state: str | None
    """SQLSTATE, five characters; its first two decide the class of the exception."""
    error_class: str | None
    """The service's name of the condition, such as `TABLE_OR_VIEW_NOT_FOUND`."""
    query_id: str | None
    """The id of the statement that failed."""
    http_status: int | None
    """The HTTP status that was answered."""
    diagnostic_info: str | None
    """What else the service said, such as a stack trace."""
    retryable: bool
    """Whether the same call may well succeed later."""
    maybe_executed: bool
    """Whether the statement may have run although it failed; the driver has not sent it again."""

    def __new__(cls, *_args: object) -> Self: ...
    @property
    def message(self) -> str:
        """The message."""

    @property
    def context(self) -> dict[str, Any]:
        """What is known of the failure beside its message.

        Returns:
            A dict of those of `operation-id`, `sql-state`, `error-class`, `http-code` and
            `diagnostic-info` that are known.
        """

    def message_with_context(self) -> str:
        """The message with the context behind it, as JSON."""

class InterfaceError(Error):
    """The driver was used wrongly, for example after `close()`.

    Source: PEP 249, "InterfaceError".
    """

class DatabaseError(Error):
    """The database reported an error.

    Source: PEP 249, "DatabaseError".
    """

class DataError(DatabaseError):
    """A value is out of range or cannot be converted.

    SQLSTATE class 22, and values that Python cannot hold.

    Source: PEP 249, "DataError".
    """

class OperationalError(DatabaseError):
    """The database cannot do its work now.

    SQLSTATE classes 08, 28, 40, 53, 54, 57, 58 and HY, failures of the network, time-outs,
    cancelled statements, and results that are not what the service announced.

    Source: PEP 249, "OperationalError".
    """

class IntegrityError(DatabaseError):
    """A constraint was violated.

    SQLSTATE class 23.

    Source: PEP 249, "IntegrityError".
    """

class InternalError(DatabaseError):
    """The database failed internally.

    SQLSTATE class XX.

    Source: PEP 249, "InternalError".
    """

class ProgrammingError(DatabaseError):
    """The statement or its use is wrong.

    SQLSTATE classes 02, 26, 3D, 3F and 42, and arguments that cannot be right.

    Source: PEP 249, "ProgrammingError".
    """

class NotSupportedError(DatabaseError):
    """The database or the driver cannot do this.

    SQLSTATE class 0A, and what the driver does not have yet.

    Source: PEP 249, "NotSupportedError".
    """

class SessionAlreadyClosedError(OperationalError):
    """The session expired, or the service closed it.

    `code` is `SessionLost`. Open another connection: something that was changed in the session is
    lost with it. Where nothing was, the session is opened again instead.
    """

class CursorAlreadyClosedError(OperationalError):
    """Never raised; the official connector has the name."""

class InvalidServerResponseError(OperationalError):
    """Never raised; the official connector has the name."""

class NonRecoverableNetworkError(OperationalError):
    """Never raised; the official connector has the name."""

class UnsafeToRetryError(OperationalError):
    """Never raised; the official connector has the name."""

class MaxRetryDurationError(OperationalError):
    """Never raised; the official connector has the name."""

ServerOperationError: TypeAlias = DatabaseError
TransactionError: TypeAlias = DatabaseError
RequestError: TypeAlias = OperationalError

# `Connection` has attributes of the same names, inside which they could not be named.
_Warning: TypeAlias = Warning
_Error: TypeAlias = Error
_InterfaceError: TypeAlias = InterfaceError
_DatabaseError: TypeAlias = DatabaseError
_DataError: TypeAlias = DataError
_OperationalError: TypeAlias = OperationalError
_IntegrityError: TypeAlias = IntegrityError
_InternalError: TypeAlias = InternalError
_ProgrammingError: TypeAlias = ProgrammingError
_NotSupportedError: TypeAlias = NotSupportedError
