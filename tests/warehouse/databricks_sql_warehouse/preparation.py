"""Making results beforehand: a statement is run once, in every form that is asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from . import requests
from .sessions import Session

if TYPE_CHECKING:
    from .prepared import Prepared
    from .settings import Settings
    from .statements import Statements


class Preparation:
    """Runs statements and keeps what they give."""

    def __init__(
        self, prepared: Prepared, statements: Statements, warehouse_id: str, settings: Settings
    ) -> None:
        self.prepared = prepared
        self._statements = statements
        self._warehouse_id = warehouse_id
        self._settings = settings

    async def prepare(self, body: dict[str, Any]) -> dict[str, Any]:
        """Run an execute request to its end, keep the result, and describe it."""
        form = {
            "warehouse_id": self._warehouse_id,
            "disposition": "EXTERNAL_LINKS",
            "format": "ARROW_STREAM",
            "result_compression": "LZ4_FRAME",
        }
        request = requests.read({**form, **body}, self._warehouse_id, self._settings)
        session = Session(id="")
        session.use(request.catalog, request.schema)
        statement = self._statements.submit(request, session)
        await statement.done.wait()
        if statement.error is not None:
            raise statement.error
        if statement.result is None:
            raise ValueError(f"the statement ended as {statement.state}")
        result = statement.result
        await asyncio.get_running_loop().run_in_executor(None, self.prepared.keep, request, result)
        self._statements.close(statement.id)
        return {
            "row_count": result.row_count,
            "chunk_count": len(result.chunks),
            "stored_bytes": result.stored_bytes,
        }
