"""Progress of long commands: a bar where people look, lines where a log is kept, nothing beside a document."""

from __future__ import annotations

from io import StringIO
from itertools import count
from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.cli.documents import Documents
from airflow_provider_claude.cli.progress import progress
from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.runtime.log_progress import log_progress
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.store import RunFolder
from tests.cli.conftest import Night, now


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def minutes() -> object:
    ticks = count()
    return lambda: next(ticks) * 60.0


def test_without_a_terminal_it_is_a_plain_line_from_time_to_time() -> None:
    out = StringIO()
    with progress("runs read", 3, out, clock=minutes()) as seen:  # type: ignore[arg-type]
        seen(1)
        seen(1)
    assert out.getvalue().splitlines() == [
        "1 of 3 runs read, 1 a minute, about 2 min left",
        "2 of 3 runs read, 1 a minute, about 60 s left",
    ]


@pytest.mark.parametrize("total", [3, None])
def test_in_a_terminal_it_is_a_bar_that_is_gone_at_the_end(total: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    with progress("runs read", total, out) as seen:
        seen(2)
    assert ("2 of 3 runs read, " if total else "2 runs read, ") in out.getvalue()
    assert out.getvalue().endswith("\x1b[2K")


def test_nothing_is_shown_beside_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    with Documents(StringIO()).watch("runs read", 3) as seen:
        seen(3)
    with Screen(StringIO()).watch("runs read", 3) as seen:
        seen(3)
    assert capsys.readouterr() == ("", "")


def test_a_scan_and_a_load_tell_how_many_rows_they_have_done(night: Night, tmp_path: Path) -> None:
    from airflow_provider_claude.stages.load.run import load
    from tests.cli.conftest import JOB

    night.scan(2500)
    done: list[int] = []
    rows = open_source(UPath(night.source), columns=["body"])
    scan(rows, RunFolder(UPath(tmp_path / "b")), ScanSettings(text_columns=["body"]), clock=now, seen=done.append)
    assert (sum(done), len(done)) == (2500, 3)
    night.scan(6).plan(rows=6)
    night.create()
    done.clear()
    load(night.shard(), JOB, night.gateway, clock=now, seen=done.append)
    assert sum(done) == 6


def test_a_task_logs_its_progress_every_thirty_seconds() -> None:
    class Log:
        def __init__(self) -> None:
            self.lines: list[str] = []

        def info(self, form: str, *values: object) -> None:
            self.lines.append(form % values)

    log = Log()
    seen = log_progress(log, "rows scanned", clock=minutes())  # type: ignore[arg-type]
    seen(1200)
    assert log.lines == ["1,200 rows scanned, 20 a second"]
