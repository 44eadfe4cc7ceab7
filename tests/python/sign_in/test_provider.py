"""A Python callable as the source of tokens."""

from __future__ import annotations

import asyncio
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

from .conftest import one

if TYPE_CHECKING:
    from collections.abc import Callable

    from databricks_sql_warehouse import Warehouse

    from .conftest import Connect


class Provider:
    """Gives tokens of the warehouse in one of the forms, and counts how often it was asked."""

    def __init__(self, warehouse: Warehouse, form: str) -> None:
        self.warehouse = warehouse
        self.form = form
        self.asked = 0

    def token(self) -> str:
        self.asked += 1
        return self.warehouse.issue_token()

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token()}", "x-more": "more"}

    async def later(self) -> str:
        await asyncio.sleep(0)
        return self.token()

    def __call__(self) -> Any:
        made: dict[str, Callable[[], Any]] = {
            "token": self.token,
            "headers": self.headers,
            "factory": lambda: self.headers,
            "async": self.later,
        }
        return made[self.form]()


@pytest.mark.parametrize("form", ["token", "headers", "factory", "async"])
def test_it_is_asked_at_first_and_when_its_token_is_refused(
    sign_in: Connect, warehouse: Warehouse, form: str
) -> None:
    provider = Provider(warehouse, form)
    connection = sign_in(credentials_provider=provider)
    assert [one(connection), one(connection)] == [1, 1]
    assert provider.asked == 1
    warehouse.expire_tokens()
    assert one(connection) == 1
    assert provider.asked == 2


def test_its_further_headers_are_sent_to_the_workspace_only(
    sign_in: Connect, warehouse: Warehouse
) -> None:
    warehouse.settings(log_secrets=True, inline_limit_bytes=0)
    assert one(sign_in(credentials_provider=Provider(warehouse, "headers"))) == 1
    api, storage = (
        [dict(entry["raw"]["headers"]) for entry in warehouse.log(to=to)]
        for to in ("api", "storage")
    )
    assert all(headers["x-more"] == "more" for headers in api)
    assert storage
    assert not any("x-more" in headers for headers in storage)


def test_foreign_tokens_of_a_callable_are_exchanged(sign_in: Connect, warehouse: Warehouse) -> None:
    connection = sign_in(credentials_provider=lambda: warehouse.issue_foreign_token(sub="u"))
    assert one(connection) == 1
    assert warehouse.token_requests() == {"token_exchange": 1}


def fails() -> str:
    raise LookupError("no such vault")


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        (fails, "LookupError: no such vault"),
        (lambda: 7, "int"),
        (lambda: "", "empty"),
        (lambda: "a\nb", "line ends"),
        (lambda: {"x": "y"}, "Authorization"),
        (lambda: {"Authorization": "Basic x"}, "Authorization"),
        (lambda: {"Authorization": "Bearer t", "a\nb": "c"}, "cannot be sent"),
    ],
)
def test_what_it_does_wrong_is_told(
    sign_in: Connect, warehouse: Warehouse, provider: Callable[[], Any], said: str
) -> None:
    with pytest.raises(dbapi.Error, match=said):
        sign_in(credentials_provider=provider)
    assert not warehouse.log()


def test_what_it_raised_is_the_cause(sign_in: Connect) -> None:
    with pytest.raises(dbapi.OperationalError) as raised:
        sign_in(credentials_provider=fails)
    cause = raised.value.__cause__
    assert isinstance(cause, LookupError)
    assert cause.__traceback__ is not None
    assert b"no such vault" in pickle.dumps(raised.value)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_no_handler_of_errors_is_for_is_raised_as_it_is(
    sign_in: Connect, warehouse: Warehouse, kind: type[BaseException]
) -> None:
    stops = True

    def provider() -> str:
        if stops:
            raise kind("enough")
        return warehouse.issue_token()

    with pytest.raises(kind, match="enough"):
        sign_in(credentials_provider=provider)
    stops = False
    connection = sign_in(credentials_provider=provider)
    assert one(connection) == 1
    # Before the tokens end: closing the statement in the background may ask for another one, too.
    stops = True
    warehouse.expire_tokens()
    with pytest.raises(kind, match="enough"):
        one(connection)
    stops = False
    assert one(connection) == 1


def test_it_may_use_the_driver_but_not_wait_for_itself(
    sign_in: Connect, warehouse: Warehouse
) -> None:
    opened: list[dbapi.Connection] = []

    def provider() -> str:
        with sign_in(access_token=warehouse.access_token) as other:
            assert one(other) == 1
        for connection in opened:
            with pytest.raises(dbapi.InterfaceError, match="credentials_provider"):
                one(connection)
        with pytest.raises(dbapi.InterfaceError, match="credentials_provider"):
            sign_in(credentials_provider=provider)
        return warehouse.issue_token()

    opened.append(sign_in(credentials_provider=provider))
    warehouse.expire_tokens()
    assert one(opened[0]) == 1


def test_a_coroutine_is_run_beside_a_running_loop(sign_in: Connect, warehouse: Warehouse) -> None:
    async def ask() -> int:
        return one(sign_in(credentials_provider=Provider(warehouse, "async")))

    assert asyncio.run(ask()) == 1


def test_it_is_not_waited_for_beyond_the_deadlines(sign_in: Connect, warehouse: Warehouse) -> None:
    late = threading.Event()

    def provider() -> str:
        late.wait(30)
        return warehouse.issue_token()

    with pytest.raises(dbapi.OperationalError, match="no token came within the login_timeout"):
        sign_in(credentials_provider=provider, login_timeout=0.3)
    late.set()
    connection = sign_in(credentials_provider=provider, statement_timeout=0.3)
    late.clear()
    warehouse.expire_tokens()
    with pytest.raises(dbapi.OperationalError, match="time-out"):
        one(connection)
    late.set()


def test_it_must_be_callable(sign_in: Connect) -> None:
    with pytest.raises(TypeError, match="credentials_provider"):
        sign_in(credentials_provider="token")
