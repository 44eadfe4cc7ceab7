"""Forward proxies, by option and by environment, for everything that is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest
    from databricks_sql_warehouse import Warehouse

    from .conftest import Network


def tunnels(warehouse: Warehouse) -> set[str]:
    """Where the proxy was asked to lead to."""
    return {entry["path"] for entry in warehouse.log(to="proxy", method="CONNECT")}


def places(warehouse: Warehouse) -> set[str]:
    """Workspace and storage."""
    urls = (warehouse.server_hostname, warehouse.storage_url)
    return {url.removeprefix("https://") for url in urls}


def test_a_proxy_by_option(network: Network) -> None:
    warehouse = network.warehouse
    secrets = {
        "access_token": None,
        "oauth_client_id": warehouse.client_id,
        "oauth_client_secret": warehouse.client_secret,
    }
    assert network.reach(proxy=warehouse.proxy_url, **secrets) == 1000
    assert tunnels(warehouse) == places(warehouse)


def test_a_proxy_by_environment(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", network.warehouse.proxy_url)
    assert network.reach() == 1000
    assert tunnels(network.warehouse) == places(network.warehouse)


def test_hosts_that_need_no_proxy(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.com,localhost")
    assert network.reach() == 1000
    monkeypatch.delenv("NO_PROXY")
    assert network.reach(proxy="http://127.0.0.1:9", no_proxy="localhost") == 1000
    assert not network.warehouse.log(to="proxy")


def test_a_proxy_that_wants_a_password(network: Network) -> None:
    warehouse = network.warehouse
    warehouse.settings(proxy_credentials="user:pass-s3cret")
    address = warehouse.proxy_url.removeprefix("http://")
    assert network.reach(proxy=f"http://user:pass-s3cret@{address}") == 1000
    for proxy in (f"http://{address}", f"http://user:wrong-s3cret@{address}"):
        error = network.fails(proxy=proxy, retry_stop_after_attempts_count=1)
        assert f"through the proxy {address}" in str(error)
        assert "proxy authorization required" in str(error)
        assert "s3cret" not in repr(error)


def test_other_ways_to_show_a_password(network: Network) -> None:
    proxy = network.warehouse.proxy_url
    assert network.reach(proxy=proxy, _proxy_auth_method="basic") == 1000
    assert "'negotiate'" in str(network.fails(proxy=proxy, _proxy_auth_method="negotiate"))


def test_a_proxy_that_is_not_there(network: Network) -> None:
    error = network.fails(proxy="http://127.0.0.1:9", retry_stop_after_attempts_count=1)
    assert "through the proxy 127.0.0.1:9" in str(error)


def test_what_is_no_proxy(network: Network) -> None:
    for proxy in ("socks5://user:s3cret@h:1", "http://user:s3cret@h:x"):
        error = network.fails(proxy=proxy)
        assert "http://user:password@host:port" in str(error)
        assert "s3cret" not in repr(error)
    assert "pass proxy, too" in str(network.fails(no_proxy="h"))
