"""The Python handle: starts a warehouse as a subprocess and speaks its admin API."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_ADMIN_TIMEOUT = 30.0


class Warehouse:
    """A running warehouse; start one with `Warehouse.start()`."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self._process = process
        self.server_hostname: str = ready["url"]
        self.http_path: str = ready["http_path"]
        self.access_token: str = ready["token"]
        self.host: str = ready["host"]
        self.port: int = ready["port"]
        self.storage_url: str = ready["storage_url"]
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_loopback_tls())
        )

    @classmethod
    def start(
        cls,
        *,
        token: str | None = None,
        warehouse_id: str | None = None,
        port: int = 0,
        storage_port: int = 0,
        tls_cert: str | None = None,
        tls_key: str | None = None,
    ) -> Warehouse:
        """Start a warehouse that ends with this process."""
        options = {
            "token": token,
            "warehouse-id": warehouse_id,
            "port": port,
            "storage-port": storage_port,
            "tls-cert": tls_cert,
            "tls-key": tls_key,
        }
        given = [f"--{name}={value}" for name, value in options.items() if value is not None]
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "databricks_sql_warehouse", "--exit-with-parent", *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            process.communicate()
            raise RuntimeError(f"the warehouse ended with status {process.returncode}")
        return cls(process, json.loads(line))

    def connect_args(self) -> dict[str, Any]:
        """The arguments of a driver's connect()."""
        return {
            "server_hostname": self.server_hostname,
            "http_path": self.http_path,
            "access_token": self.access_token,
        }

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings and return all of them."""
        answer: dict[str, Any] = self._call("POST", "settings", changes)
        return answer

    def fault(
        self,
        *,
        action: dict[str, Any],
        match: dict[str, Any] | None = None,
        times: int | None = 1,
        after: int = 0,
    ) -> str:
        """Make matching requests go wrong: skip `after`, then hit `times` (None = all)."""
        body = {"match": match or {}, "action": action, "times": times, "after": after}
        return str(self._call("POST", "faults", body)["id"])

    def clear_faults(self, fault_id: str | None = None) -> None:
        """Remove one fault, or all."""
        self._call("DELETE", "faults" if fault_id is None else f"faults/{fault_id}")

    def log(self, **match: Any) -> list[dict[str, Any]]:
        """The requests seen, in order; only those whose fields equal `match`."""
        return [entry for entry in self._log()[0] if _fits(entry, match)]

    def clear_log(self) -> None:
        """Forget the requests seen so far."""
        self._call("DELETE", "log")

    def wait_for(
        self, predicate: Callable[[dict[str, Any]], bool], timeout: float = 10.0
    ) -> dict[str, Any]:
        """The first logged request that `predicate` accepts; TimeoutError when none comes."""
        deadline = time.monotonic() + timeout
        entries, version = self._log()
        while True:
            for entry in entries:
                if predicate(entry):
                    return entry
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no such request within {timeout} s")
            entries, version = self._log(f"?wait={left}&since={version}", left)

    def statements(self) -> list[dict[str, Any]]:
        """The statements known, with their states."""
        answer: list[dict[str, Any]] = self._call("GET", "statements")
        return answer

    def sessions(self) -> list[dict[str, Any]]:
        """The sessions that are open."""
        answer: list[dict[str, Any]] = self._call("GET", "sessions")
        return answer

    def reset(self) -> None:
        """Reset faults, settings and log; tables stay."""
        for path in ("faults", "settings", "log"):
            self._call("DELETE", path)

    def stop(self) -> None:
        """Stop the warehouse and wait for its end."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _log(self, query: str = "", wait: float = 0.0) -> tuple[list[dict[str, Any]], int]:
        with self._open("GET", "log" + query, timeout=_ADMIN_TIMEOUT + wait) as response:
            version = int(response.headers["x-warehouse-log-version"])
            return json.load(response), version

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        with self._open(method, path, body) as response:
            return json.load(response)

    def _open(
        self, method: str, path: str, body: Any = None, timeout: float = _ADMIN_TIMEOUT
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310
            f"{self.server_hostname}/__warehouse__/{path}",
            data,
            {"content-type": "application/json"},
            method=method,
        )
        try:
            return self._opener.open(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            raise ValueError(f"{method} {path}: {error.read().decode()}") from error


def _loopback_tls() -> ssl.SSLContext:
    """Admin calls stay on this machine; the certificate is whatever the tests made."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _fits(entry: dict[str, Any], match: dict[str, Any]) -> bool:
    return all(entry.get(name) == value for name, value in match.items())
