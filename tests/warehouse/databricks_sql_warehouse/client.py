"""The Python handle: starts a warehouse as a subprocess and speaks its admin API."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from .loopback import loopback_context

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_ADMIN_TIMEOUT = 30.0


class Warehouse:
    """A running warehouse; start one with `Warehouse.start()`."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any]) -> None:
        self._process = process
        self.pid: int = process.pid
        self.server_hostname: str = ready["url"]
        self.http_path: str = ready["http_path"]
        self.access_token: str = ready["token"]
        self.host: str = ready["host"]
        self.port: int = ready["port"]
        self.storage_url: str = ready["storage_url"]
        self.client_id: str = ready["client_id"]
        self.client_secret: str = ready["client_secret"]
        self.idp_url: str = ready["idp_url"]
        self.proxy_url: str = ready["proxy_url"]
        self.azure_tenant_id: str = ready["azure_tenant_id"]
        self.dead_urls: dict[str, str] = ready["dead_urls"]
        self.ca: str | None = ready.get("ca")
        self.other_ca: str | None = ready.get("other_ca")
        self.client_cert: str | None = ready.get("client_cert")
        self.client_key: str | None = ready.get("client_key")
        self.encrypted_client_key: str | None = ready.get("encrypted_client_key")
        self.client_key_passphrase: str | None = ready.get("client_key_passphrase")
        context = loopback_context(self.client_cert, self.client_key)
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    @classmethod
    def start(
        cls,
        *,
        token: str | None = None,
        warehouse_id: str | None = None,
        port: int = 0,
        storage_port: int = 0,
        tls: bool = False,
        storage_tls: str = "same",
        tls_cert: str | None = None,
        tls_key: str | None = None,
    ) -> Warehouse:
        """Start a warehouse that ends with this process.

        `tls` makes an authority and certificates, whose files `ca`, `client_cert` and
        `client_key` name; `storage_tls` is "same", "other" (signed by `other_ca`) or "off".
        """
        options = {
            "token": token,
            "warehouse-id": warehouse_id,
            "port": port,
            "storage-port": storage_port,
            "storage-tls": storage_tls,
            "tls-cert": tls_cert,
            "tls-key": tls_key,
        }
        given = [f"--{name}={value}" for name, value in options.items() if value is not None]
        given += ["--tls"] if tls else []
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
        every: int = 1,
        lasting: float | None = None,
        probability: float | None = None,
        seed: int | None = None,
    ) -> str:
        """Make matching requests go wrong: skip `after`, then hit `times` (None = all).

        `every` hits each n-th only, `lasting` ends so many seconds after the first hit, and
        `probability` leaves it to dice, which `seed` makes fall the same way each time.
        """
        body = {
            "match": match or {},
            "action": action,
            "times": times,
            "after": after,
            "every": every,
            "lasting": lasting,
            "probability": probability,
            "seed": seed,
        }
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
        """The statements known, with their states; `outcome` is the one before it was closed."""
        answer: list[dict[str, Any]] = self._call("GET", "statements")
        return answer

    def sessions(self) -> list[dict[str, Any]]:
        """The sessions that are open."""
        answer: list[dict[str, Any]] = self._call("GET", "sessions")
        return answer

    def add_client(
        self,
        client_id: str | None = None,
        client_secret: str | None = None,
        keys: dict[str, str] | None = None,
    ) -> tuple[str, str | None]:
        """Register a service principal and return its id and secret.

        `keys` maps key ids to public keys in PEM, for client assertions. With neither secret nor
        keys a secret is made.
        """
        body = {"client_id": client_id, "client_secret": client_secret, "keys": keys}
        answer = self._call("POST", "clients", body)
        return answer["client_id"], answer["client_secret"]

    def issue_token(self, lifetime: float | None = None) -> str:
        """A new access token of a user, living for `lifetime` seconds."""
        body = {"lifetime": lifetime, "url": self.server_hostname}
        return str(self._call("POST", "tokens", body)["token"])

    def issue_foreign_token(self, lifetime: float | None = None, **claims: Any) -> str:
        """A token of the identity provider, which the workspace takes in exchange."""
        body = {"lifetime": lifetime, "claims": claims}
        return str(self._call("POST", "foreign-tokens", body)["token"])

    def expire_tokens(self) -> int:
        """End the life of all tokens but the personal one; the number of those it ended."""
        return int(self._call("POST", "tokens/expire", {})["expired"])

    def prepare(self, statement: str, **request: Any) -> dict[str, int]:
        """Run a statement once and answer it from disk from now on, whoever asks.

        `request` changes fields of the execute request; the form is Arrow in LZ4 frames behind
        links, or inline where the answer is small. Returns `row_count`, `chunk_count` and
        `stored_bytes`. The settings of now hold, `chunk_rows` for one.
        """
        body = {"statement": statement, **request}
        answer: dict[str, int] = self._call("POST", "prepared", body, timeout=600)
        return answer

    def forget_prepared(self) -> None:
        """Run the engine again for every statement."""
        self._call("DELETE", "prepared")

    def counters(self) -> dict[str, Any]:
        """What is open now, and what was counted since the last reset.

        `open_sessions`, `unclosed_statements`, `executions` by statement text, `requests` by
        server, `storage_requests_with_token`, `token_requests` by grant. An execution is a
        statement that was taken, however it ended.
        """
        answer: dict[str, Any] = self._call("GET", "counters")
        return answer

    def token_requests(self) -> dict[str, int]:
        """How often tokens were asked for since the last reset, by grant."""
        answer: dict[str, int] = self._call("GET", "tokens")["requests"]
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

    def _call(
        self, method: str, path: str, body: Any = None, timeout: float = _ADMIN_TIMEOUT
    ) -> Any:
        with self._open(method, path, body, timeout) as response:
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


def _fits(entry: dict[str, Any], match: dict[str, Any]) -> bool:
    return all(entry.get(name) == value for name, value in match.items())
