"""Where `connect` finds what it is not told: the environment, and profiles."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from databricks_sql_warehouse import Warehouse

    Variables = Callable[..., None]
    Profiles = Callable[[str], Path]


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Variables:
    def setting(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return setting


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profiles:
    """Write the file of profiles where it is looked for."""

    def writing(text: str) -> Path:
        file = tmp_path / ".databrickscfg"
        file.write_text(text)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        monkeypatch.delenv("DATABRICKS_CONFIG_FILE", raising=False)
        return file

    return writing


@pytest.fixture
def profile(profiles: Profiles, warehouse: Warehouse) -> Path:
    return profiles(f"""
[DEFAULT]
host = {warehouse.server_hostname}
token = {warehouse.access_token}
warehouse_id = local

[path]
host = {warehouse.server_hostname}/
token = {warehouse.access_token}
http_path = {warehouse.http_path}

[wrong]
host = {warehouse.server_hostname}
token = dapi-wrong-and-secret
warehouse_id = local
""")


def works(**arguments: Any) -> bool:
    with dbapi.connect(**arguments) as connection:
        return connection.cursor().execute("SELECT 1").fetchall() == [(1,)]


def test_the_variables_of_the_service_are_enough(
    warehouse: Warehouse, variables: Variables
) -> None:
    variables(
        DATABRICKS_HOST=warehouse.server_hostname,
        DATABRICKS_TOKEN=warehouse.access_token,
        DATABRICKS_WAREHOUSE_ID="local",
    )
    assert works()


def test_the_variables_of_the_official_connectors_examples_are_enough(
    warehouse: Warehouse, variables: Variables
) -> None:
    variables(
        DATABRICKS_SERVER_HOSTNAME=warehouse.server_hostname,
        DATABRICKS_HTTP_PATH=warehouse.http_path,
        DATABRICKS_TOKEN=warehouse.access_token,
    )
    assert works()


def test_arguments_come_before_variables(warehouse: Warehouse, variables: Variables) -> None:
    variables(
        DATABRICKS_HOST="nowhere.example.com",
        DATABRICKS_HTTP_PATH="/sql/1.0/warehouses/other",
        DATABRICKS_TOKEN="dapi-other",
    )
    assert works(**warehouse.connect_args())


def test_a_variable_that_is_empty_is_as_if_not_set(
    warehouse: Warehouse, variables: Variables
) -> None:
    variables(DATABRICKS_HOST="", DATABRICKS_SERVER_HOSTNAME=warehouse.server_hostname)
    arguments = {**warehouse.connect_args(), "server_hostname": None}
    assert works(**arguments)


def test_a_warehouse_may_be_named_by_its_id(warehouse: Warehouse) -> None:
    arguments = {**warehouse.connect_args(), "http_path": None, "warehouse_id": "local"}
    assert works(**arguments)
    assert works(**{**arguments, "http_path": warehouse.http_path})


@pytest.mark.parametrize("name", ["", "a/b", "../local", "local?o=1", "a b"])
def test_what_is_no_id_of_a_warehouse_is_refused(warehouse: Warehouse, name: str) -> None:
    arguments = {**warehouse.connect_args(), "http_path": None, "warehouse_id": name}
    with pytest.raises(dbapi.ProgrammingError, match="warehouse_id"):
        dbapi.connect(**arguments)
    assert not warehouse.log()


def test_two_warehouses_are_one_too_many(warehouse: Warehouse) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="two warehouses"):
        dbapi.connect(**warehouse.connect_args(), warehouse_id="other")


@pytest.mark.usefixtures("profile")
def test_the_default_profile_is_for_those_who_say_nothing() -> None:
    assert works()


@pytest.mark.usefixtures("profile")
def test_a_profile_is_named_by_argument_or_variable(variables: Variables) -> None:
    assert works(profile="path")
    variables(DATABRICKS_CONFIG_PROFILE="path")
    assert works()


def test_the_file_of_profiles_may_be_elsewhere(
    profile: Path, tmp_path: Path, variables: Variables
) -> None:
    elsewhere = tmp_path / "elsewhere.cfg"
    profile.rename(elsewhere)
    assert works(profile="path", config_file=elsewhere)
    assert works(profile="path", config_file="~/elsewhere.cfg")
    variables(DATABRICKS_CONFIG_FILE=os.fspath(elsewhere))
    assert works(profile="path")


@pytest.mark.usefixtures("profile")
def test_variables_come_before_the_profile(warehouse: Warehouse, variables: Variables) -> None:
    variables(DATABRICKS_TOKEN=warehouse.access_token)
    assert works(profile="wrong")


@pytest.mark.usefixtures("profile")
def test_arguments_come_before_the_profile(warehouse: Warehouse) -> None:
    assert works(profile="wrong", access_token=warehouse.access_token)


@pytest.mark.usefixtures("profile")
def test_a_token_of_the_profile_is_not_shown() -> None:
    with pytest.raises(dbapi.OperationalError) as raised:
        dbapi.connect(profile="wrong")
    assert "dapi-wrong-and-secret" not in repr(raised.value) + raised.value.message_with_context()


@pytest.mark.usefixtures("profile")
def test_the_default_profile_is_not_for_a_host_that_was_named(warehouse: Warehouse) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="pass access_token"):
        dbapi.connect("h.example.com", warehouse.http_path)


@pytest.mark.usefixtures("profile")
def test_the_token_of_a_profile_does_not_go_to_another_host(variables: Variables) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=r"'path'.*h\.example\.com"):
        dbapi.connect("h.example.com", profile="path")
    variables(DATABRICKS_HOST="h.example.com")
    with pytest.raises(dbapi.ProgrammingError, match=r"'path'.*h\.example\.com"):
        dbapi.connect(profile="path")


@pytest.mark.usefixtures("profile")
def test_a_profile_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(dbapi.ProgrammingError, match="'nobody'; it has: DEFAULT, path, wrong"):
        dbapi.connect(profile="nobody")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(dbapi.ProgrammingError, match="nowhere"):
        dbapi.connect(profile="x", config_file=tmp_path / "nowhere")


def test_a_file_that_is_not_understood_is_told_by_its_line_without_it(profiles: Profiles) -> None:
    profiles("[DEFAULT]\nhost = h.example.com\ndapi-secret\n")
    with pytest.raises(dbapi.ProgrammingError, match="line 3") as raised:
        dbapi.connect()
    assert "dapi-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "name", "variable"),
    [
        ({}, "server_hostname", "DATABRICKS_HOST"),
        ({"server_hostname": "h"}, "http_path", "DATABRICKS_WAREHOUSE_ID"),
        ({"server_hostname": "h", "warehouse_id": "a"}, "access_token", "DATABRICKS_TOKEN"),
    ],
)
def test_what_is_found_nowhere_is_named_with_its_variable(
    given: dict[str, Any], name: str, variable: str
) -> None:
    with pytest.raises(dbapi.ProgrammingError, match=f"{name}.*{variable}.*profile"):
        dbapi.connect(**given)
