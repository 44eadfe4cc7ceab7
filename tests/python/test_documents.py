"""The page for those who come from the official connector: lines have tests, options are known."""

from __future__ import annotations

import ast
import re
import warnings
from pathlib import Path
from typing import Any

import pytest

from databricks_sql_kernel import dbapi

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs" / "coming-from-databricks-sql-connector.md"
HERE = Path(__file__).parent


def rows() -> list[list[str]]:
    """The cells of each line of the tables, without their headings."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line[:1] == "|"
    ]
    return [row for row in cells if row[-1] != "pinned by" and set(row[0]) != {"-"}]


def options() -> set[str]:
    """The options that the page speaks of."""
    return {name for row in rows() if len(row) == 3 for name in re.findall(r"`(\w+)`", row[0])}


def names_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_difference_is_pinned_by_tests_that_exist() -> None:
    assert len(rows()) > 40
    for row in rows():
        pins = re.findall(r"`([\w/]+\.py)::(\w+)`", row[-1])
        assert pins, row
        assert row[-1] == " ".join(f"`{file}::{test}`" for file, test in pins)
        missing = [pin for pin in pins if pin[1] not in names_in(HERE / pin[0])]
        assert not missing


@pytest.mark.parametrize("name", sorted(options()))
def test_every_option_of_the_page_is_known(name: str) -> None:
    given: dict[str, Any] = {name: None}
    with pytest.raises(dbapi.ProgrammingError, match="needs server_hostname"):
        dbapi.connect(**given)


def test_every_option_that_the_stubs_know_is_on_the_page_or_the_drivers_own() -> None:
    stubs = ast.parse((TOP / "stubs" / "dbapi.pyi").read_text(encoding="utf-8"))
    (fields,) = [
        node.body
        for node in stubs.body
        if isinstance(node, ast.ClassDef) and node.name == "_Options"
    ]
    known = {ast.unparse(field.target) for field in fields if isinstance(field, ast.AnnAssign)}
    own = {
        "config_file",
        "connect_timeout",
        "dml_count_row",
        "login_timeout",
        "maps_as_dicts",
        "max_buffered_bytes",
        "naive_datetime",
        "no_proxy",
        "oauth_callback_timeout",
        "oauth_token_cache_passphrase",
        "on_truncated",
        "profile",
        "progress",
        "proxy",
        "retry_reads",
        "row_factory",
        "statement_timeout",
        "tls_additional_ca_file",
        "warehouse_id",
    }
    bare = {name.lstrip("_") for name in options()}
    assert {name.lstrip("_") for name in known} - own <= bare
    assert not own & bare


CONNECTOR = [
    "_connection_uri",
    "_disable_pandas",
    "_enable_ssl",
    "_enable_v3_retries",
    "_pool_connections",
    "_pool_maxsize",
    "_port",
    "_proxy_auth_method",
    "_respect_server_retry_after_header",
    "_retry_dangerous_codes",
    "_retry_delay_default",
    "_retry_delay_max",
    "_retry_delay_min",
    "_retry_max_redirects",
    "_retry_stop_after_attempts_count",
    "_retry_stop_after_attempts_duration",
    "_skip_routing_headers",
    "_socket_timeout",
    "_telemetry_circuit_breaker_enabled",
    "_tls_client_cert_file",
    "_tls_client_cert_key_file",
    "_tls_client_cert_key_password",
    "_tls_no_verify",
    "_tls_trusted_ca_file",
    "_tls_verify_hostname",
    "_use_arrow_native_complex_types",
    "_use_arrow_native_decimals",
    "_use_arrow_native_timestamps",
    "_use_cert_as_auth",
    "_user_agent_entry",
    "access_token",
    "auth_type",
    "azure_client_id",
    "azure_client_secret",
    "azure_tenant_id",
    "azure_workspace_resource_id",
    "catalog",
    "credentials_provider",
    "enable_geospatial_support",
    "enable_metric_view_metadata",
    "enable_query_result_lz4_compression",
    "enable_telemetry",
    "escape_catalog_name",
    "experimental_oauth_persistence",
    "fetch_autocommit_from_server",
    "force_enable_telemetry",
    "http_headers",
    "http_path",
    "identity_federation_client_id",
    "ignore_transactions",
    "max_connections",
    "max_download_threads",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_jwt_algorithm",
    "oauth_jwt_key_file",
    "oauth_jwt_kid",
    "oauth_jwt_passphrase",
    "oauth_redirect_port",
    "oauth_scopes",
    "oauth_token_cache_enabled",
    "password",
    "pool_maxsize",
    "query_tags",
    "request_timeout_secs",
    "schema",
    "server_hostname",
    "session_configuration",
    "staging_allowed_local_path",
    "telemetry_batch_size",
    "token_url",
    "use_cloud_fetch",
    "use_hybrid_disposition",
    "use_inline_params",
    "use_kernel",
    "use_sea",
    "user_agent_entry",
    "username",
]


@pytest.mark.parametrize("name", CONNECTOR)
def test_every_option_of_the_official_connector_is_known(name: str) -> None:
    given: dict[str, Any] = {name: None}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(dbapi.ProgrammingError, match="needs server_hostname"):
            dbapi.connect(**given)


def test_every_option_of_the_official_connector_is_on_the_page() -> None:
    bare = {name.lstrip("_") for name in options()}
    assert {name for name in CONNECTOR if name.lstrip("_") not in bare} == set()
