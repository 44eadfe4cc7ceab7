"""A plain HTTP client that follows nothing by itself, with TLS and proxies said by the test."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import ssl
import urllib.parse
from typing import TYPE_CHECKING, Any

from .conftest import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from databricks_sql_warehouse import Warehouse


def trusting(*authorities: str | None, client: tuple[str, str] | None = None) -> ssl.SSLContext:
    """A context that trusts these authorities only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for authority in authorities:
        context.load_verify_locations(authority)
    if client is not None:
        context.load_cert_chain(*client)
    return context


@contextlib.contextmanager
def connection(
    url: str,
    tls: ssl.SSLContext | None = None,
    proxy: str | None = None,
    proxy_headers: dict[str, str] | None = None,
    timeout: float = 10,
) -> Iterator[http.client.HTTPConnection]:
    """A connection to the host of a URL, through the CONNECT of a proxy where one is named."""
    parts = urllib.parse.urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    near = urllib.parse.urlsplit(proxy) if proxy else parts
    assert near.hostname
    near_port = (near.port or port) if proxy else port
    made: http.client.HTTPConnection
    if secure:
        context = tls or ssl.create_default_context()
        made = http.client.HTTPSConnection(
            near.hostname, near_port, timeout=timeout, context=context
        )
    else:
        made = http.client.HTTPConnection(near.hostname, near_port, timeout=timeout)
    if proxy:
        made.set_tunnel(str(parts.hostname), port, headers=proxy_headers or {})
    with contextlib.closing(made):
        yield made


def ask(
    url: str,
    method: str = "GET",
    *,
    headers: dict[str, str] | None = None,
    body: Any = None,
    form: dict[str, str] | None = None,
    tls: ssl.SSLContext | None = None,
    proxy: str | None = None,
    proxy_headers: dict[str, str] | None = None,
    timeout: float = 10,
) -> Answer:
    """The answer to one request; a redirect is an answer."""
    sent = dict(headers or {})
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    if form is not None:
        data = urllib.parse.urlencode(form).encode()
        sent["content-type"] = "application/x-www-form-urlencoded"
    parts = urllib.parse.urlsplit(url)
    target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    with connection(url, tls, proxy, proxy_headers, timeout) as made:
        made.request(method, target, data, sent)
        response = made.getresponse()
        shown = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, response.read(), shown)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def works(warehouse: Warehouse, token: str, **options: Any) -> int:
    """The status of an API request with a token."""
    body = {"warehouse_id": "local"}
    url = f"{warehouse.server_hostname}/api/2.0/sql/sessions"
    headers = {"authorization": f"Bearer {token}", **options.pop("headers", {})}
    return ask(url, "POST", headers=headers, body=body, **options).status
