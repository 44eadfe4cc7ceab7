"""The console script: start a warehouse, say where it listens, stop on a signal."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import ssl
import sys
import threading

from .app import Options, Server


def main(arguments: list[str] | None = None) -> None:
    """Run a warehouse until SIGTERM or SIGINT."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.tls and options.tls_cert:
        parser.error("--tls makes certificates of its own; it does not go with --tls-cert")
    if options.storage_tls != "same" and not (options.tls or options.tls_cert):
        parser.error(f"--storage-tls {options.storage_tls} needs --tls")
    if options.storage_tls == "other" and not options.tls:
        parser.error("--storage-tls other needs --tls, which makes the other authority")
    given = {name: value for name, value in vars(options).items() if value is not None}
    exit_with_parent = given.pop("exit_with_parent")
    given.setdefault("token", f"dapi{secrets.token_hex(16)}")
    try:
        asyncio.run(_run(Options(**given), exit_with_parent=exit_with_parent))
    except OSError as error:
        parser.exit(1, f"{parser.prog}: cannot start: {_named(error, options)}\n")
    # DuckDB's extension module writes a report of live objects when the interpreter ends.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="databricks-sql-warehouse",
        description="A local SQL warehouse: the Statement Execution API in front of DuckDB.",
    )
    parser.add_argument("--port", type=int, default=0, help="port of the API; 0 takes a free one")
    parser.add_argument("--storage-port", type=int, default=0, help="port of the storage")
    parser.add_argument("--token", help="the access token; generated when not given")
    parser.add_argument("--warehouse-id", default="local", help="last part of the HTTP path")
    parser.add_argument("--idp-port", type=int, default=0, help="port of the identity provider")
    parser.add_argument("--proxy-port", type=int, default=0, help="port of the forward proxy")
    parser.add_argument("--client-id", help="the service principal; local-client when not given")
    parser.add_argument("--client-secret", help="its secret; local-secret when not given")
    parser.add_argument("--tls", action="store_true", help="TLS with an authority of its own")
    parser.add_argument(
        "--storage-tls",
        choices=("same", "other", "off"),
        default="same",
        help="TLS of the storage: as the API, from another authority, or none",
    )
    parser.add_argument("--tls-cert", help="PEM file of the certificate chain; turns TLS on")
    parser.add_argument("--tls-key", help="PEM file of the private key")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="stop when standard input is closed"
    )
    return parser


async def _run(options: Options, *, exit_with_parent: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if exit_with_parent:
        threading.Thread(target=_watch_input, args=(loop, stop), daemon=True).start()
    server = Server(options)
    try:
        await server.start()
    except BaseException:
        await server.stop()
        raise
    print(json.dumps(server.ready()), flush=True)  # noqa: T201
    await stop.wait()
    await server.stop()


def _named(error: OSError, options: argparse.Namespace) -> str:
    """The error with the file that it is about, which TLS does not tell."""
    if isinstance(error, (ssl.SSLError, FileNotFoundError)) and options.tls_cert:
        return f"--tls-cert {options.tls_cert} --tls-key {options.tls_key}: {error}"
    return str(error)


def _watch_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 1024):
        pass
    loop.call_soon_threadsafe(stop.set)
