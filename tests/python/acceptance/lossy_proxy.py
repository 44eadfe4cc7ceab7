"""A proxy before a warehouse that loses answers: it passes a statement on and then says 503."""

from __future__ import annotations

import contextlib
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from databricks_sql_warehouse import Warehouse

_HOP_BY_HOP = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


@contextlib.contextmanager
def lossy_proxy(warehouse: Warehouse, lose: bytes, headers: Mapping[str, str]) -> Iterator[str]:
    """The proxy's URL; the first request that has `lose` in its body is answered with 503."""
    losses = iter([lose])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            to = http.client.HTTPConnection(warehouse.host, warehouse.port, timeout=30)
            kept = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
            with contextlib.closing(to):
                to.request(self.command, self.path, body, kept)
                answer = to.getresponse()
                content = answer.read()
            if lose in body and next(losses, None):
                self._answer(503, headers, b"upstream connect error")
            else:
                self._answer(answer.status, dict(answer.getheaders()), content)

        def _answer(self, status: int, given: Mapping[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in given.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _pass_on  # noqa: N815

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
