"""Tools that take connections and cursors of ours: pandas, polars, duckdb, SQLAlchemy."""

from __future__ import annotations

import datetime
import decimal
import warnings
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from databricks_sql_kernel import dbapi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from databricks_sql_warehouse import Warehouse

    Connect = Callable[..., dbapi.Connection]

PEOPLE = (
    "SELECT id, concat('s', id) AS name, CAST(id AS DECIMAL(10,2)) AS money, "
    "CASE WHEN id > 0 THEN id END AS maybe FROM range({}) ORDER BY id"
)


class TestPandas:
    """`read_sql` takes any PEP 249 connection, and frames take any Arrow capsule."""

    @pytest.fixture(autouse=True)
    def _no_warning_of_untested_drivers(self) -> Iterator[None]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "pandas only supports SQLAlchemy connectable")
            yield

    def test_read_sql(self, connection: dbapi.Connection) -> None:
        frame = pd.read_sql(PEOPLE.format(3), connection, index_col="id")
        assert frame["name"].tolist() == ["s0", "s1", "s2"]
        assert frame["money"].tolist() == [decimal.Decimal(number) for number in range(3)]

    def test_read_sql_with_parameters(self, connection: dbapi.Connection) -> None:
        sql = "SELECT id FROM range(10) WHERE id > :least ORDER BY id"
        frame = pd.read_sql(sql, connection, params={"least": 6})
        assert frame["id"].tolist() == [7, 8, 9]

    def test_read_sql_in_chunks(self, connection: dbapi.Connection) -> None:
        chunks = pd.read_sql("SELECT id FROM range(10)", connection, chunksize=4)
        assert [len(chunk) for chunk in chunks] == [4, 4, 2]

    @pytest.mark.skipif(
        not hasattr(pd.DataFrame, "from_arrow"), reason="pandas 3 reads capsules, for Python 3.11"
    )
    def test_a_frame_of_the_capsule(self, cursor: dbapi.Cursor) -> None:
        frame = pd.DataFrame.from_arrow(cursor.execute(PEOPLE.format(5)))
        assert frame["name"].tolist() == ["s0", "s1", "s2", "s3", "s4"]


def arrow_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have polars fail where it would go through rows."""

    def rows(*_: Any, **__: Any) -> None:
        raise AssertionError("polars went through rows")

    monkeypatch.setattr("polars.io.database._executor.ConnectionExecutor._from_rows", rows)


class TestPolars:
    """`read_database` takes Arrow tables of those whom it knows by the name of their module."""

    @pytest.mark.parametrize("way", ["connection", "cursor"])
    def test_read_database_takes_arrow(
        self, connection: dbapi.Connection, monkeypatch: pytest.MonkeyPatch, way: str
    ) -> None:
        arrow_alone(monkeypatch)
        source: Any = connection if way == "connection" else connection.cursor()
        frame = pl.read_database(PEOPLE.format(3), source)
        assert frame.schema["money"] == pl.Decimal(10, 2)
        assert frame["maybe"].to_list() == [None, 1, 2]
        assert frame["name"].to_list() == ["s0", "s1", "s2"]

    def test_read_database_in_batches(
        self, connection: dbapi.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arrow_alone(monkeypatch)
        frames = pl.read_database(
            "SELECT id FROM range(2500)", connection, iter_batches=True, batch_size=1000
        )
        found = list(frames)
        assert [len(frame) for frame in found] == [1000, 1000, 500]
        assert pl.concat(found)["id"].to_list() == list(range(2500))

    def test_read_database_with_parameters(self, connection: dbapi.Connection) -> None:
        frame = pl.read_database(
            "SELECT id FROM range(10) WHERE id > :least",
            connection,
            execute_options={"parameters": {"least": 6}},
        )
        assert sorted(frame["id"].to_list()) == [7, 8, 9]

    def test_a_frame_of_the_cursor(self, cursor: dbapi.Cursor) -> None:
        frame = pl.DataFrame(cursor.execute(PEOPLE.format(4)))
        assert frame.rows()[3] == (3, "s3", decimal.Decimal("3.00"), 3)

    def test_read_database_takes_arrow_through_sqlalchemy(
        self, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arrow_alone(monkeypatch)
        engine.dialect.driver = "databricks-sql-python"
        with engine.connect() as connection:
            frame = pl.read_database(PEOPLE.format(3), connection)
        assert frame.schema["money"] == pl.Decimal(10, 2)
        assert frame["maybe"].to_list() == [None, 1, 2]


class TestDuckdb:
    """A variable that holds a cursor is a table."""

    def test_a_cursor_is_a_table(self, cursor: dbapi.Cursor, warehouse: Warehouse) -> None:
        warehouse.settings(chunk_rows=1000)
        cursor.execute(PEOPLE.format(20_000))
        found: Any = duckdb.sql("SELECT count(*), sum(id), max(money), count(maybe) FROM cursor")
        assert found.fetchall() == [(20_000, 199_990_000, decimal.Decimal("19999.00"), 19_999)]

    def test_a_cursor_joins_a_table_of_duckdb(self, cursor: dbapi.Cursor) -> None:
        cursor.execute("SELECT id, concat('s', id) AS name FROM range(10)")
        with duckdb.connect() as local:
            local.execute("CREATE TABLE wanted AS SELECT unnest([3, 5]) AS id")
            sql = "SELECT name FROM cursor JOIN wanted USING (id) ORDER BY id"
            assert local.execute(sql).fetchall() == [("s3",), ("s5",)]

    def test_a_cursor_is_written_to_a_file(self, cursor: dbapi.Cursor, tmp_path: Any) -> None:
        cursor.execute(PEOPLE.format(1000))
        file = str(tmp_path / "people.parquet")
        relation: Any = duckdb.sql("FROM cursor")
        relation.write_parquet(file)
        assert duckdb.read_parquet(file).count("*").fetchall() == [(1000,)]

    def test_rows_are_not_read_twice_in_silence(self, cursor: dbapi.Cursor) -> None:
        cursor.execute(PEOPLE.format(1000))
        relation: Any = duckdb.sql("SELECT count(*) FROM cursor")
        assert relation.fetchall() == [(1000,)]
        relation = duckdb.sql("SELECT count(*) FROM cursor")
        with pytest.raises(duckdb.Error, match="has taken rows of this result already"):
            relation.fetchall()


@pytest.fixture
def engine(warehouse: Warehouse) -> Iterator[sa.Engine]:
    url = (
        f"databricks://token:{warehouse.access_token}@localhost"
        f"?http_path={warehouse.http_path}&catalog=main&schema=default"
    )
    arguments = {"server_hostname": warehouse.connect_args()["server_hostname"]}
    engine = sa.create_engine(url, module=dbapi, connect_args=arguments)
    yield engine
    engine.dispose()


class TestSqlalchemy:
    """databricks-sqlalchemy takes our module where it is given."""

    def test_statements_have_parameters(self, engine: sa.Engine) -> None:
        with engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert type(raw) is dbapi.Connection
            rows = connection.execute(
                sa.text("SELECT id, :x AS x FROM range(3) WHERE id > :least ORDER BY id"),
                {"x": "it's", "least": 0},
            )
            assert rows.all() == [(1, "it's"), (2, "it's")]

    def test_errors_are_those_of_sqlalchemy(self, engine: sa.Engine) -> None:
        with engine.connect() as connection:
            with pytest.raises(sa.exc.ProgrammingError, match="TABLE_OR_VIEW_NOT_FOUND") as raised:
                connection.execute(sa.text("SELECT * FROM no_such_table"))
            assert isinstance(raised.value.orig, dbapi.ProgrammingError)

    def test_tables_are_made_filled_and_reflected(self, engine: sa.Engine, table: str) -> None:
        metadata = sa.MetaData()
        people = sa.Table(
            table,
            metadata,
            sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
            sa.Column("name", sa.String, nullable=False),
            sa.Column("money", sa.Numeric(10, 2)),
            sa.Column("born", sa.Date),
        )
        metadata.create_all(engine)
        born = datetime.date(1815, 12, 10)
        with engine.begin() as connection:
            connection.execute(
                people.insert(),
                [{"id": n, "name": f"s{n}", "money": n, "born": born} for n in range(5)],
            )
            chosen = sa.select(people.c.name, people.c.money).where(people.c.id > 2)
            found = connection.execute(chosen.order_by(people.c.id)).all()
        assert found == [("s3", decimal.Decimal("3.00")), ("s4", decimal.Decimal("4.00"))]

        inspector = sa.inspect(engine)
        assert table in inspector.get_table_names()
        assert "default" in inspector.get_schema_names()
        assert inspector.get_pk_constraint(table)["constrained_columns"] == ["id"]
        again = sa.Table(table, sa.MetaData(), autoload_with=engine)
        assert [(column.name, column.nullable) for column in again.columns] == [
            ("id", False),
            ("name", False),
            ("money", True),
            ("born", True),
        ]
        assert isinstance(again.c.money.type, sa.Numeric)
        metadata.drop_all(engine)
        assert not sa.inspect(engine).has_table(table)

    def test_objects_are_mapped(self, engine: sa.Engine, table: str) -> None:
        class Base(DeclarativeBase):
            pass

        class Person(Base):
            __tablename__ = table
            id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
            name: Mapped[str]

        Base.metadata.create_all(engine)
        with Session(engine) as session:
            session.add_all([Person(id=1, name="Ada"), Person(id=2, name="Grace")])
            session.commit()
            ada = session.get(Person, 1)
            assert ada is not None
            ada.name = "Augusta"
            session.commit()
            names = session.scalars(sa.select(Person.name).order_by(Person.id)).all()
        assert names == ["Augusta", "Grace"]

    def test_frames_are_written_and_read(self, engine: sa.Engine, table: str) -> None:
        frame = pd.DataFrame(
            {"id": range(300), "name": [f"s{n}" for n in range(300)], "real": [0.5] * 300}
        )
        with engine.begin() as connection:
            rows = frame.to_sql(table, connection, index=False, method="multi", chunksize=50)
            assert rows is not None
            again = pd.read_sql(f"SELECT * FROM {table} ORDER BY id", connection)
        pd.testing.assert_frame_equal(again, frame, check_dtype=False)

    def test_a_dead_session_is_replaced(self, warehouse: Warehouse, engine: sa.Engine) -> None:
        url = engine.url
        arguments = {"server_hostname": warehouse.connect_args()["server_hostname"]}
        engine = sa.create_engine(url, module=dbapi, connect_args=arguments, pool_pre_ping=True)
        with engine.connect() as connection:
            connection.execute(sa.text("SET TIME ZONE 'UTC'"))
            raw = connection.connection.driver_connection
            assert isinstance(raw, dbapi.Connection)
        raw.close()
        with engine.connect() as connection:
            assert connection.execute(sa.text("SELECT 1")).scalar() == 1
        engine.dispose()


def test_pyarrow_reads_a_cursor_by_its_capsules(cursor: dbapi.Cursor) -> None:
    table = pa.table(cursor.execute(PEOPLE.format(3)))
    assert table.column("name").to_pylist() == ["s0", "s1", "s2"]
