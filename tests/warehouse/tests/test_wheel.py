from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_wheel_installs_and_works_in_an_environment_of_its_own(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    subprocess.run([*build, str(tmp_path), str(PROJECT)], check=True)
    (wheel,) = tmp_path.glob("databricks_sql_warehouse-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
    assert "databricks_sql_warehouse/py.typed" in names
    assert "databricks_sql_warehouse/identity/tokens.py" in names
    assert not [name for name in names if "tests" in name]
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "pytest", str(wheel)]
    subprocess.run(install, check=True)
    command = environment / "bin" / "databricks-sql-warehouse"
    with subprocess.Popen([command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.terminate()
    assert ready["http_path"] == "/sql/1.0/warehouses/local"
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_it.py").write_text(
        "def test_it(warehouse):\n    assert warehouse.sessions() == []\n"
    )
    run = [str(python), "-m", "pytest", "-q", str(project)]
    ended = subprocess.run(run, cwd=project, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
