"""Links, tokens, secrets, redirects, headers and TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import databricks_sql_kernel as kernel

from .conftest import execute
from .faults import ROWS, all_rows, code_of

if TYPE_CHECKING:
    from databricks_sql_warehouse import Warehouse

    from .conftest import Open


# 10. Links that expired are not renewed, nor are tokens.
def test_10_an_expired_link_is_renewed(chunked: Warehouse, open_session: Open) -> None:
    dead = f"{chunked.storage_url}/results/x/2?expires=9&signature=none"
    chunked.fault(match={"path": "result/chunks/2"}, action={"link": {"external_link": dead}})
    assert all_rows(open_session()) == list(range(ROWS))
    asked = [
        entry["path"] for entry in chunked.log(to="storage") if "/results/x/2" in entry["path"]
    ]
    assert len(asked) == 1  # the same link would be refused again


def test_10_a_clock_that_is_wrong_does_not_expire_links(
    chunked: Warehouse, open_session: Open
) -> None:
    chunked.fault(match={"to": "api"}, action={"skew": -7200}, times=None)
    assert all_rows(open_session()) == list(range(ROWS))


def test_10_a_refused_token_is_fetched_anew(warehouse: Warehouse, open_session: Open) -> None:
    client_id, client_secret = warehouse.add_client()
    session = open_session(
        access_token=None,
        auth_type="oauth-m2m",
        client_id=client_id,
        client_secret=client_secret,
    )
    warehouse.fault(match={"path": "statements$"}, action={"status": 401})
    assert all_rows(session, 3) == [0, 1, 2]
    assert warehouse.token_requests() == {"client_credentials": 2}


# 11. A refused exchange of a token is passed over, although a client id makes it mandatory.
def test_11_a_refused_exchange_is_an_error_where_it_is_mandatory(
    warehouse: Warehouse, open_session: Open
) -> None:
    token = warehouse.issue_foreign_token()
    assert all_rows(open_session(access_token=token), 3) == [0, 1, 2]
    assert list(warehouse.token_requests()) == ["jwt_bearer"]
    warehouse.settings(federation="refuse")
    with pytest.raises(kernel.KernelError) as caught:
        open_session(access_token=token, identity_federation_client_id="some-client")
    assert caught.value.code == "Unauthenticated"
    assert token not in str(caught.value)


# 12. Secrets leak into messages, and headers to storage; plain http and redirects are followed.
def test_12_an_answer_that_is_not_understood_is_not_repeated(
    warehouse: Warehouse, open_session: Open
) -> None:
    action = {"status": 200, "body": "<html>s3cret</html>"}
    warehouse.fault(match={"path": "statements$"}, action=action)
    with pytest.raises(kernel.KernelError) as caught:
        execute(open_session(), "SELECT 1")
    assert caught.value.code == "DataLoss"
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in str(caught.value.__cause__)


def test_12_what_storage_answers_and_its_link_are_not_repeated(
    chunked: Warehouse, open_session: Open
) -> None:
    session = open_session(retry_max_attempts=1)
    for action in ({"status": 500, "body": "<html>s3cret</html>"}, {"drop": "before"}):
        chunked.fault(match={"to": "storage", "chunk": 0}, action=action, times=None)
        with pytest.raises(kernel.KernelError) as caught:
            all_rows(session)
        chunked.clear_faults()
        told = f"{caught.value} {caught.value.__cause__} {vars(caught.value)}"
        for secret in ("s3cret", "signature", "expires=", "?"):
            assert secret not in told


def test_12_storage_gets_no_header_of_the_caller(chunked: Warehouse, open_session: Open) -> None:
    chunked.settings(log_secrets=True)
    all_rows(open_session(http_headers=[("X-Mine", "s3cret"), ("User-Agent", "me/1")]))
    requests = chunked.log(to="storage")
    assert requests
    assert all("s3cret" not in str(entry.get("raw")).lower() for entry in requests)
    assert all("authorization" not in str(entry.get("raw")).lower() for entry in requests)


def test_12_plain_http_is_for_this_machine_alone() -> None:
    for host in ("http://example.com", "http://10.1.2.3"):
        assert code_of(
            lambda host=host: kernel.Session(host, "/sql/1.0/warehouses/x", access_token="x")
        ) == ("InvalidArgument")


def test_12_redirects_are_not_followed(warehouse: Warehouse, open_session: Open) -> None:
    session = open_session()
    action = {"headers": {"location": "http://127.0.0.1:1"}}
    for status in (307, 302):
        warehouse.fault(match={"path": "statements$"}, action={"status": status, **action})
        with pytest.raises(kernel.KernelError) as caught:
            execute(session, "SELECT 1")
        assert caught.value.http_status == status
    assert len(warehouse.log(path="/api/2.0/sql/statements")) == 2


# 13. Ids reach into paths, and Host can be overridden.
def test_13_an_id_is_one_segment_of_a_path(warehouse: Warehouse, session: kernel.Session) -> None:
    assert code_of(lambda: session.attach_async_statement("../../evil")) == "NotFound"
    paths = [entry["path"] for entry in warehouse.log(method="GET")]
    assert not any(path.endswith("/api/2.0/evil") for path in paths)


def test_13_the_driver_sets_its_own_headers(
    warehouse: Warehouse, open_session: Open, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.settings(log_secrets=True)
    headers = [("Host", "evil"), ("Authorization", "evil"), ("X-Fine", "yes")]
    session = open_session(http_headers=headers)
    execute(session, "SELECT 1")
    raw = str(warehouse.log(method="POST", path="/api/2.0/sql/statements")[-1]["raw"])
    assert "evil" not in raw
    assert "yes" in raw
    # 16: one warning for each header and session, not one for each request.
    assert len([record for record in caplog.records if "not sent" in record.getMessage()]) == 2


# 15. Errors of configuration are called network errors.
@pytest.mark.parametrize(
    "arguments",
    [{"tls_ca_cert": b"x"}, {"tls_client_key": b"x"}, {"http_headers": [("a b", "c")]}],
)
def test_15_wrong_settings_are_no_network_errors(arguments: dict[str, Any]) -> None:
    def open_one() -> None:
        kernel.Session("localhost", "/sql/1.0/warehouses/x", access_token="x", **arguments)

    assert code_of(open_one) == "InvalidArgument"


# 19. TLS errors hide their cause.
def test_19_tls_errors_tell_their_cause(tls_warehouse: Warehouse) -> None:
    address = (tls_warehouse.server_hostname, tls_warehouse.http_path)
    with pytest.raises(kernel.KernelError, match="issued by nobody who is trusted") as caught:
        kernel.Session(*address, access_token="x", retry_max_attempts=1)
    assert caught.value.code == "NetworkError"
