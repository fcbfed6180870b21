"""The report's verdict goes to Airflow's notifiers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, BaseNotifier
from upath import UPath

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.runtime.notifying import call_notifiers
from tests.context import manual_run
from tests.stages.run_folder import Night, Shard, build


class Pager(BaseNotifier):
    """A notifier as providers write them, with a template."""

    template_fields = ("text",)
    sent: ClassVar[list[str]] = []

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def notify(self, context: Any) -> None:
        self.sent.append(self.text)


@pytest.fixture(autouse=True)
def _nothing_sent() -> None:
    Pager.sent.clear()


def report(tmp_path: Path, night: Night, notify: Any, **arguments: Any) -> None:
    run = build(UPath(tmp_path / "run"), night)
    operator = ClaudeReportOperator(task_id="report", run_folder=str(run), publish_to="", notify=notify, **arguments)
    operator.execute(manual_run() | {"dag": DAG("d", schedule=None)})


def test_a_notifier_gets_the_verdict_of_a_green_report_with_its_page(tmp_path: Path) -> None:
    night = Night(shards=[Shard(answered=3)])
    report(tmp_path, night, Pager("{{ claude.verdict }}|{{ claude.message }}|{{ claude.rows }}"))
    [sent] = Pager.sent
    word, message, rows = sent.split("|")
    assert (word, rows) == ("done", "3")
    assert message.startswith("d 2026-11-22: done. All 3 rows are answered.")
    assert message.endswith("/claude/run/d?run_id=r")


def test_a_red_report_is_sent_before_its_task_fails(tmp_path: Path) -> None:
    night = Night(shards=[Shard(answered=5, failed={"refused": 5})])
    with pytest.raises(AirflowFailException):
        report(tmp_path, night, [Pager("{{ claude.verdict }}"), Pager("{{ claude.green }}")], max_refused=0.0)
    assert Pager.sent == ["red", "False"]


def test_a_notifier_that_fails_makes_no_green_report_red(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def down(context: Any) -> None:
        raise ConnectionError("the pager is not there")

    report(tmp_path, Night(shards=[Shard(answered=3)]), [down, Pager("{{ claude.verdict }}")])
    assert Pager.sent == ["done"]


def test_the_error_of_a_notifier_shows_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def down(context: Any) -> None:
        raise ConnectionError("404 for url: https://hooks.slack.com/services/T0/B0/s3cr3t")

    call_notifiers([down], {}, {})
    assert "The notifier function failed" in caplog.text
    assert "404 for url" in caplog.text
    assert "s3cr3t" not in caplog.text


def test_a_notifier_renders_its_templates_anew_for_each_report(tmp_path: Path) -> None:
    pager = Pager("{{ claude.rows }}")
    report(tmp_path / "1", Night(shards=[Shard(answered=3)]), pager)
    report(tmp_path / "2", Night(shards=[Shard(answered=4)]), pager)
    assert Pager.sent == ["3", "4"]


def test_what_cannot_be_called_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(JobError, match=r"notify is 'oncall@example\.com'.*write an Airflow notifier"):
        ClaudeReportOperator(task_id="report", run_folder="run", notify="oncall@example.com")  # type: ignore[arg-type]


def test_an_old_report_is_not_sent_where_no_new_one_is_written(tmp_path: Path) -> None:
    report(tmp_path, Night(shards=[Shard(answered=3)]), None)
    run = UPath(tmp_path / "run")
    (run / "scan.json").write_text("{}")
    with pytest.raises(Exception, match="layout 0"):
        ClaudeReportOperator(
            task_id="report", run_folder=str(run), publish_to="", notify=Pager("{{ claude.verdict }}")
        ).execute(manual_run())
    assert Pager.sent == []
