"""The driver needs no other package, and loads none by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.python.conftest import Interpreters

BLOCKED = ("pyarrow", "pandas", "numpy", "polars", "tzdata", "pytz", "requests", "lz4", "duckdb")


def test_importing_the_package_loads_no_third_party_module(python: Interpreters) -> None:
    code = """
        import sysconfig
        loaded = {name.partition(".")[0] for name in sys.modules}
        print(json.dumps(sorted(loaded - set(sys.stdlib_module_names) - {"__main__"})))
    """
    loaded = [name for name in python.run(code) if not name.startswith(("_", "sitecustomize"))]
    assert loaded == ["databricks_sql_kernel"]


def test_fetching_rows_loads_no_third_party_module(python: Interpreters) -> None:
    code = """
        before = {name.partition(".")[0] for name in sys.modules}
        cursor = dbapi.connect(**WAREHOUSE).cursor()
        cursor.execute("SELECT id, CAST(id AS DECIMAL(10,2)) AS d, concat('s', id) FROM range(10)")
        cursor.fetchall()
        loaded = {name.partition(".")[0] for name in sys.modules} - before
        print(json.dumps(sorted(loaded - set(sys.stdlib_module_names))))
    """
    assert python.run(code) == []


def test_everything_but_pyarrow_tables_works_without_any_package(python: Interpreters) -> None:
    code = """
        import datetime
        cursor = dbapi.connect(**WAREHOUSE).cursor()
        cursor.execute("SET TIME ZONE 'America/New_York'")
        sql = "SELECT ? AS a, TIMESTAMP '2024-07-01 12:00:00' AS t, map('a', 1) AS m FROM range(3)"
        rows = cursor.execute(sql, [datetime.date(2024, 2, 29)]).fetchall()
        assert len(rows) == 3
        assert rows[0].t.utcoffset() == datetime.timedelta(hours=-4), rows[0].t
        table = cursor.execute("SELECT id FROM range(5)").fetchall_arrow()
        print(json.dumps([str(rows[0].a), rows[0].t.isoformat(), rows[0].m, len(table)]))
    """
    assert python.run(code, without=BLOCKED) == [
        "2024-02-29",
        "2024-07-01T12:00:00-04:00",
        [["a", 1]],
        5,
    ]


def test_zones_work_where_python_has_no_data_of_them(python: Interpreters) -> None:
    code = """
        import zoneinfo
        zoneinfo.reset_tzpath([])
        cursor = dbapi.connect(**WAREHOUSE).cursor()
        cursor.execute("SET TIME ZONE 'America/New_York'")
        sql = "SELECT TIMESTAMP '2024-07-01 12:00:00', TIMESTAMP '2024-01-01 12:00:00'"
        print(json.dumps([value.isoformat() for value in cursor.execute(sql).fetchone()]))
    """
    assert python.run(code, without=("tzdata",)) == [
        "2024-07-01T12:00:00-04:00",
        "2024-01-01T12:00:00-05:00",
    ]


def test_computed_zones_agree_with_those_of_python(python: Interpreters) -> None:
    code = """
        import datetime, zoneinfo
        zones = ["America/New_York", "Australia/Lord_Howe", "Europe/Dublin", "Asia/Kolkata"]
        cursor = dbapi.connect(**WAREHOUSE).cursor()
        first = "TIMESTAMP '{}-01-01 00:00:00+00:00'"
        sql = f"SELECT timestampadd(HOUR, 7 * id, {first}) FROM range(1250) ORDER BY id"
        def texts():
            found = []
            for zone in zones:
                cursor.execute(f"SET TIME ZONE '{zone}'")
                for year in (1920, 2024, 2099, 2100, 2500, 9000):
                    rows = cursor.execute(sql.format(year)).fetchall()
                    found += [row[0].isoformat() for row in rows]
            return found
        known = texts()
        assert zoneinfo.ZoneInfo("Asia/Kolkata")
        zoneinfo.reset_tzpath([])
        zoneinfo.ZoneInfo.clear_cache()
        computed = texts()
        assert not zoneinfo.TZPATH
        pairs = zip(known, computed, strict=True)
        print(json.dumps([len(known), [pair for pair in pairs if pair[0] != pair[1]]]))
    """
    assert python.run(code, without=("tzdata",)) == [30_000, []]
