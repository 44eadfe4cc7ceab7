"""The backend of `databricks-sql-connector` in Rust.

Importing it loads nothing of the connector; its classes do, when they are asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, final

from databricks.sql.backend.types import CommandId, CommandState, SessionId
from databricks.sql.types import Row

__all__ = ["KernelDatabricksClient", "ResultSet", "install", "uninstall"]

def install() -> None:
    """Puts this backend in the place of the connector's own, for connections opened from now on.

    `databricks.sql.connect` with `use_sea=True` or `use_kernel=True` leads here then. It can be
    called again and again, and from any thread.

    Raises:
        ImportError: The connector is not installed, or too old to have such backends; the message
            says how to install it.
        RuntimeError: The connector that is installed asks more of a backend than this one has;
            the message names it.
    """

def uninstall() -> None:
    """Gives the connector its own backends back, for connections opened from now on.

    Connections that are open keep the backend that they were opened with.
    """

@final
class KernelDatabricksClient:
    """The backend of `databricks-sql-connector`, for `use_sea=True` and `use_kernel=True`.

    `isinstance` takes it for the connector's `DatabricksClient`. The connector's session
    constructs it, with what it passes on either path.
    """

    def __new__(
        cls,
        server_hostname: str,
        http_path: str,
        auth_provider: Any,
        ssl_options: Any,
        catalog: str | None = None,
        schema: str | None = None,
        http_headers: Sequence[tuple[str, str]] | None = None,
        http_client: Any = None,
        **kwargs: Any,
    ) -> KernelDatabricksClient: ...
    def open_session(
        self,
        session_configuration: Mapping[str, Any] | None,
        catalog: str | None,
        schema: str | None,
    ) -> SessionId:
        """Opens a session and returns its `SessionId`."""

    def close_session(self, session_id: SessionId) -> None:
        """Closes a session and what runs in it."""

    def execute_command(
        self,
        operation: str,
        session_id: SessionId,
        max_rows: int,
        max_bytes: int,
        lz4_compression: bool,
        cursor: Any,
        use_cloud_fetch: bool,
        parameters: Sequence[Any] | None,
        async_op: bool,
        enforce_embedded_schema_correctness: bool,
        row_limit: int | None = None,
        query_tags: Mapping[str, str | None] | None = None,
    ) -> ResultSet | None:
        """Executes a statement: returns its `ResultSet`, or None where it is not waited for."""

    def cancel_command(self, command_id: CommandId) -> None:
        """Asks the service to end a statement."""

    def cancel_running_cursor(self, cursor: Any) -> bool:
        """Ends the statement that runs for a cursor; tells whether there was one.

        A statement without an id is ended as soon as the service has given it one.
        """

    def close_command(self, command_id: CommandId) -> None:
        """Closes a statement at the service."""

    def get_query_state(self, command_id: CommandId) -> CommandState:
        """How far a statement is: its `CommandState`. The failure of one that failed is raised."""

    def get_execution_result(self, command_id: CommandId, cursor: Any) -> ResultSet:
        """Waits for the end of a statement that was submitted; returns its `ResultSet`."""

    def get_catalogs(
        self, session_id: SessionId, max_rows: int, max_bytes: int, cursor: Any
    ) -> ResultSet:
        """The catalogs."""

    def get_schemas(
        self,
        session_id: SessionId,
        max_rows: int,
        max_bytes: int,
        cursor: Any,
        catalog_name: str | None = None,
        schema_name: str | None = None,
    ) -> ResultSet:
        """The schemas of one catalog or of all."""

    def get_tables(
        self,
        session_id: SessionId,
        max_rows: int,
        max_bytes: int,
        cursor: Any,
        catalog_name: str | None = None,
        schema_name: str | None = None,
        table_name: str | None = None,
        table_types: Sequence[str] | None = None,
    ) -> ResultSet:
        """The tables and views of the catalogs that match a pattern."""

    def get_columns(
        self,
        session_id: SessionId,
        max_rows: int,
        max_bytes: int,
        cursor: Any,
        catalog_name: str | None = None,
        schema_name: str | None = None,
        table_name: str | None = None,
        column_name: str | None = None,
    ) -> ResultSet:
        """The columns of tables and views."""

    @property
    def max_download_threads(self) -> int:
        """How many downloads the connector was told to allow; here memory bounds them."""

@final
class ResultSet:
    """The rows of a statement, for a cursor of `databricks-sql-connector`.

    `isinstance` takes it for the connector's `ResultSet`. It is always true, also without rows.
    """

    def fetchone(self) -> Row | None:
        """The next row; None after the last."""

    def fetchmany(self, size: int) -> list[Row]:
        """At most `size` rows."""

    def fetchall(self) -> list[Row]:
        """The rows that are left."""

    def fetchmany_arrow(self, size: int) -> Any:
        """At most `size` rows as a `pyarrow.Table`."""

    def fetchall_arrow(self) -> Any:
        """The rows that are left as a `pyarrow.Table`."""

    def __iter__(self) -> Iterator[Row]: ...
    def __next__(self) -> Row: ...
    def close(self) -> None:
        """Ends the result; the service hears of it in the background."""

    @property
    def connection(self) -> Any:
        """The connection that the statement ran on."""

    @property
    def backend(self) -> KernelDatabricksClient:
        """The backend that ran the statement."""

    @property
    def arraysize(self) -> int:
        """The cursor's `arraysize`."""

    @property
    def buffer_size_bytes(self) -> int:
        """The cursor's `buffer_size_bytes`."""

    @property
    def command_id(self) -> CommandId:
        """The statement's `CommandId`."""

    @property
    def description(self) -> list[tuple[Any, ...]]:
        """The columns: tuples of seven."""

    @property
    def num_modified_rows(self) -> int | None:
        """How many rows DML changed; None for other statements."""

    @property
    def is_staging_operation(self) -> bool:
        """Whether the connector is to move a file now, as the result's row tells."""

    @property
    def lz4_compressed(self) -> bool:
        """Whether the service compressed the result."""

    @property
    def results(self) -> None:
        """None: rows wait in native code."""

    @property
    def rownumber(self) -> int:
        """How many rows were fetched."""

    @property
    def has_more_rows(self) -> bool:
        """Whether the last row has not been read yet."""

    @property
    def has_been_closed_server_side(self) -> bool:
        """Whether the result set was closed."""

    @property
    def status(self) -> CommandState:
        """The statement's `CommandState`."""
