"""What closing a run imports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from upath import UPath

from tests.conftest import PROJECT
from tests.stages.report.test_report import NIGHT
from tests.stages.run_folder import build

_CLOSE = """
import sys
from upath import UPath
from airflow_provider_claude.stages.report.run import report
from airflow_provider_claude.store import RunFolder
report(RunFolder(UPath(sys.argv[1])), output=None, clock=lambda: "2026-11-23T00:00:00+00:00")
print("pandas" in sys.modules)
"""


def test_the_report_is_written_without_pandas(tmp_path: Path) -> None:
    build(UPath(tmp_path) / "run", NIGHT)
    done = subprocess.run(
        [sys.executable, "-c", _CLOSE, str(tmp_path / "run")], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"]
