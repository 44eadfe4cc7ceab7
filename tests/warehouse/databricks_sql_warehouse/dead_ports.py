"""Ports that lead nowhere: what firewalls and broken networks look like from a client."""

from __future__ import annotations

import contextlib
import socket

KINDS = ("up", "unreachable", "refused", "silent", "unresolvable")


class DeadPorts:
    """One port of each kind, on loopback."""

    def __init__(self, host: str) -> None:
        self._sockets: list[socket.socket] = []
        self.unreachable = self._full(host)
        self.refused = self._bound(host).getsockname()[1]
        self.silent = self._listening(host, 128)

    def url(self, kind: str, scheme: str) -> str:
        """The base URL that is dead in this way."""
        if kind == "unresolvable":
            return f"{scheme}://storage.invalid"
        return f"{scheme}://localhost:{getattr(self, kind)}"

    def close(self) -> None:
        """Free the ports."""
        for opened in self._sockets:
            opened.close()

    def _bound(self, host: str) -> socket.socket:
        opened = socket.socket()
        opened.bind((host, 0))
        self._sockets.append(opened)
        return opened

    def _listening(self, host: str, backlog: int) -> int:
        """A port where connections are made and nothing is ever said."""
        opened = self._bound(host)
        opened.listen(backlog)
        port: int = opened.getsockname()[1]
        return port

    def _full(self, host: str) -> int:
        """A port whose queue is full, so that connections are never made."""
        port = self._listening(host, 0)
        for _ in range(4):
            waiting = socket.socket()
            waiting.settimeout(0)
            self._sockets.append(waiting)
            with contextlib.suppress(BlockingIOError):
                waiting.connect((host, port))
        return port
