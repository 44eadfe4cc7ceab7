"""SQLAlchemy and dbt on the connector with this backend.

`--tools-python` names an interpreter of the same version as this one, with databricks-sqlalchemy
and dbt-databricks beside the connector. `dbt-databricks` asks for older connectors, and is
installed there without its dependencies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest
from databricks_sql_warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

INSTALLED = """
from databricks_sql_kernel import connector
connector.install()
"""
SQLALCHEMY = """
import datetime, decimal, json, sys
import sqlalchemy as sa
from sqlalchemy import orm

options = json.loads(sys.argv[1])
url = sa.URL.create(
    "databricks",
    username="token",
    password=options.pop("access_token"),
    host="localhost",
    query={
        "http_path": options.pop("http_path"),
        "catalog": "main",
        "schema": "default",
    },
)
engine = sa.create_engine(url, connect_args=options)


class Base(orm.DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "alchemists"
    id: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String)
    born: orm.Mapped[datetime.date]
    gold: orm.Mapped[decimal.Decimal] = orm.mapped_column(sa.Numeric(10, 2))


Base.metadata.drop_all(engine)
Base.metadata.create_all(engine)
with orm.Session(engine) as session:
    session.add_all(
        [
            Person(id=1, name="Maria", born=datetime.date(1, 1, 1), gold=decimal.Decimal("0.10")),
            Person(id=2, name="Jabir", born=datetime.date(721, 1, 1), gold=decimal.Decimal("2.50")),
        ]
    )
    session.commit()
    query = sa.select(Person).where(Person.gold > decimal.Decimal("1")).order_by(Person.id)
    found = [(person.name, str(person.gold)) for person in session.scalars(query)]
inspector = sa.inspect(engine)
columns = [(column["name"], str(column["type"])) for column in inspector.get_columns("alchemists")]
has = (inspector.has_table("alchemists"), inspector.has_table("no_such_table"))
with engine.connect() as connection:
    backend = type(connection.connection.dbapi_connection.session.backend).__module__
    count = connection.execute(sa.text("SELECT count(*) FROM alchemists")).scalar_one()
    missing = None
    try:
        connection.execute(sa.text("SELECT * FROM no_such_table"))
    except sa.exc.DatabaseError as error:
        missing = "TABLE_OR_VIEW_NOT_FOUND" in str(error)
Base.metadata.drop_all(engine)
engine.dispose()
print(json.dumps([backend, found, columns, has, count, missing]))
"""
PROJECT = {
    "dbt_project.yml": """
        name: people
        version: "1.0"
        profile: people
        flags: {send_anonymous_usage_stats: false}
        """,
    "seeds/people.csv": """
        id,name,born,paid
        1,Ada,1815-12-10,1.50
        2,Grace,1906-12-09,2.25
        3,Barbara,1939-11-07,
        """,
    "models/paid.sql": """
        {{ config(materialized="table") }}
        select id, name, cast(paid as decimal(10, 2)) as paid from {{ ref("people") }}
        where paid is not null
        """,
    "models/moderns.sql": """
        {{ config(materialized="view") }}
        select id, name from {{ ref("people") }} where born > date '1900-01-01'
        """,
    "models/grown.sql": """
        {{ config(materialized="incremental", incremental_strategy="append") }}
        select id, name from {{ ref("people") }}
        {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}
        """,
    "models/schema.yml": """
        models:
          - name: paid
            columns:
              - {name: id, data_tests: [unique, not_null]}
              - name: name
                data_tests: [{accepted_values: {values: [Ada, Grace]}}]
          - name: moderns
            columns:
              - name: id
                data_tests: [{relationships: {to: ref('people'), field: id}}]
        """,
}


@pytest.fixture
def tools_python(request: pytest.FixtureRequest) -> str:
    given: str | None = request.config.getoption("--tools-python", default=None)
    if given is None:
        pytest.skip("no --tools-python: an interpreter with dbt and SQLAlchemy is needed")
    return str(Path(given).absolute())


@pytest.fixture(scope="module")
def secure() -> Iterator[Warehouse]:
    with Warehouse.start(tls=True) as warehouse:
        yield warehouse


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Our package and nothing else of this environment; it is the backend of whatever runs."""
    packages = tmp_path / "packages"
    packages.mkdir()
    own = Path(sysconfig.get_paths()["platlib"]) / "databricks_sql_kernel"
    (packages / "databricks_sql_kernel").symlink_to(own)
    (packages / "sitecustomize.py").write_text(INSTALLED)
    return {**os.environ, "PYTHONPATH": str(packages), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}


def options_of(warehouse: Warehouse, way: str) -> dict[str, Any]:
    return {
        "_port": warehouse.port,
        "_tls_trusted_ca_file": str(warehouse.ca),
        "enable_telemetry": False,
        way: True,
    }


def run(command: list[str], environment: dict[str, str], place: Path) -> str:
    done = subprocess.run(
        command,
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.peer
@pytest.mark.timeout(300)
def test_sqlalchemy_defines_fills_queries_and_reflects(
    tools_python: str, secure: Warehouse, environment: dict[str, str], tmp_path: Path
) -> None:
    options = {
        **options_of(secure, "use_sea"),
        "http_path": secure.http_path,
        "access_token": secure.access_token,
    }
    command = [tools_python, "-c", SQLALCHEMY, json.dumps(options)]
    output = run(command, environment, tmp_path)
    backend, found, columns, has, count, missing = json.loads(output.splitlines()[-1])
    assert backend == "databricks_sql_kernel.connector"
    assert found == [["Jabir", "2.50"]]
    assert columns == [
        ["id", "BIGINT"],
        ["name", "VARCHAR"],
        ["born", "DATE"],
        ["gold", "NUMERIC(10, 2)"],
    ]
    assert (has, count, missing) == ([True, False], 2, True)


@pytest.mark.peer
@pytest.mark.timeout(600)
@pytest.mark.parametrize("way", ["use_sea", "use_kernel"])
def test_dbt_debugs_seeds_runs_and_tests(
    tools_python: str, secure: Warehouse, environment: dict[str, str], tmp_path: Path, way: str
) -> None:
    project = tmp_path / "project"
    for name, text in PROJECT.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(dedent(text).lstrip())
    host = "localhost" if way == "use_sea" else f"localhost:{secure.port}"
    profile = {
        "people": {
            "target": "local",
            "outputs": {
                "local": {
                    "type": "databricks",
                    "host": host,
                    "http_path": secure.http_path,
                    "token": secure.access_token,
                    "catalog": "main",
                    "schema": f"dbt_{way}",
                    "threads": 2,
                    "connection_parameters": options_of(secure, way),
                }
            },
        }
    }
    (project / "profiles.yml").write_text(json.dumps(profile))
    dbt = str(Path(tools_python).with_name("dbt"))
    for arguments, expected in [
        (["debug"], "All checks passed!"),
        (["seed"], "PASS=1 "),
        (["run"], "PASS=3 "),
        (["run"], "PASS=3 "),
        (["test"], "PASS=4 "),
    ]:
        output = run([dbt, *arguments, "--profiles-dir", "."], environment, project)
        assert expected in output, output
    assert secure.counters()["storage_requests_with_token"] == 0
