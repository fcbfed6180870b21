from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from upath import UPath

from airflow_provider_claude.cli.locations import find_runs
from airflow_provider_claude.cli.runs import show_runs
from airflow_provider_claude.cli.show import show_run, show_shard
from airflow_provider_claude.core.consistency.asked_again import asked_again
from airflow_provider_claude.core.consistency.comparable import Comparable
from airflow_provider_claude.core.consistency.measured import Measured
from airflow_provider_claude.core.deadline.at_risk import AtRisk
from airflow_provider_claude.core.packing.packing import Packing
from airflow_provider_claude.errors import LedgerError, StateError
from airflow_provider_claude.gateway.client import Gateway
from airflow_provider_claude.simulator.process import SimulatorProcess
from airflow_provider_claude.stages.deadline.abandon import abandon
from airflow_provider_claude.stages.plan.plan_settings import Settings
from airflow_provider_claude.stages.plan.run import plan
from airflow_provider_claude.store import AccountFolder, AtRiskRecord, write_record
from tests.cli.conftest import JOB, Night, Terminal, now

RUN = "dag/group/2026-11-22"


def test_a_run_goes_from_scanned_to_reported_and_each_step_is_seen(
    night: Night, work: AccountFolder, claude_simulator: SimulatorProcess
) -> None:
    def state() -> str:
        screen = Terminal()
        show_runs(work.path, screen)
        return screen.row(RUN)

    night.scan()
    assert state() == f"{RUN} - 6 - - - 0 - 0 scanned - - - - -"
    night.plan()
    assert state() == f"{RUN} 2026-11-22 6 - - - 0 0 of 2 0 planned - - - - -"
    night.create(1)
    assert state() == f"{RUN} 2026-11-22 6 - - - 0 0 of 2 1 waiting - - - - -"
    night.load_shards()
    assert state().startswith(f"{RUN} 2026-11-22 6 - - - 0 2 of 2 0 loaded - - - 0.")
    night.report()
    assert state().startswith(f"{RUN} 2026-11-22 6 6 0 0 0 2 of 2 0 reported green - - - 0.")
    *_, cost, each_thousand = state().split()
    assert float(each_thousand) == pytest.approx(float(cost) * 1000 / 6, abs=0.02)


def test_a_red_run_is_listed_with_its_reasons(night: Night, work: AccountFolder, out: Terminal) -> None:
    night.scan().plan()
    night.load_shards([1])
    with pytest.raises(LedgerError):
        night.report()
    assert show_runs(work.path, out) == 0
    assert "reported red" in out.row(RUN)
    assert "Shard 2 was never loaded" in out.text


def test_the_warnings_of_a_green_run_are_shown_with_it(night: Night, work: AccountFolder, out: Terminal) -> None:
    night.scan().plan()
    night.load_shards().report()
    path = night.run.file("report.json")
    path.write_text(path.read_text().replace('"warnings": []', '"warnings": ["30 of 100 rows are set aside."]'))
    show_runs(work.path, out)
    show_run(night.run, out)
    assert "reported green" in out.row(RUN)
    assert f"{RUN}: warning: 30 of 100 rows are set aside." in out.text
    assert "warning 30 of 100 rows are set aside." in out.text


def test_how_far_a_run_agreed_with_itself_is_a_column(night: Night, work: AccountFolder, out: Terminal) -> None:
    night.scan().plan()
    night.load_shards().report()
    answers = [{str(n): {"urgent": n < yes} for n in range(40)} for yes in (20, 21)]
    again = asked_again({"urgent": Comparable()}, answers[0], answers[1], asked=40)
    measured = msgspec.json.encode(Measured(again=again)).decode()
    path = night.run.file("report.json")
    path.write_text(path.read_text().replace('"consistency": null', f'"consistency": {measured}'))
    show_runs(work.path, out)
    assert "reported green - - 97.5% 0." in out.row(RUN)


def test_the_report_of_an_earlier_plan_does_not_count(night: Night, work: AccountFolder, out: Terminal) -> None:
    night.scan().plan()
    night.load_shards().report()
    night.plan()
    show_runs(work.path, out)
    assert "planned" in out.row(RUN)
    assert "green" not in out.text


def test_a_batch_whose_id_was_lost_is_pointed_out(
    night: Night, work: AccountFolder, out: Terminal, claude_simulator: SimulatorProcess
) -> None:
    night.scan().plan()
    claude_simulator.fault("reset_after_accept", route="create")
    night.lose()
    show_runs(work.path, out)
    assert f"attempt 1 may have been sent, but has no batch id; see `claude-batch show {night.shard()}`" in out.text


def test_one_broken_run_hides_none_of_the_others(
    a_night: Callable[..., Night], work: AccountFolder, out: Terminal
) -> None:
    a_night("2026-11-21").scan()
    a_night("2026-11-22").scan().run.file("plan.json").write_text("{")
    show_runs(work.path, out)
    assert "scanned" in out.row("dag/group/2026-11-21")
    assert "unreadable" in out.row(RUN)
    assert "not a readable PlanRecord" in out.text


def test_columns_stand_under_their_names(a_night: Callable[..., Night], work: AccountFolder, out: Terminal) -> None:
    a_night("2026-11-21").scan(6)
    a_night("2026-11-22").scan(1200)
    show_runs(work.path, out)
    head, first, second = out.text.splitlines()
    end = head.index("inputs") + len("inputs")
    assert first[:end].endswith(" 6")
    assert second[:end].endswith(" 1,200")


def test_runs_are_found_at_any_depth_and_nothing_inside_them(night: Night, work: AccountFolder) -> None:
    night.scan()
    inner = night.run.path / "items" / "copy"
    inner.mkdir()
    (inner / "scan.json").write_text("{}")
    assert [str(run) for run in find_runs(work.path)] == [str(night.run)]
    assert [str(run) for run in find_runs(night.run.path)] == [str(night.run)]
    assert [str(run) for run in find_runs(work.path.parent)] == [str(night.run)]


def test_a_run_may_have_the_name_of_the_folder_around_it(work: AccountFolder) -> None:
    place = work.path / "mail" / "mail" / "mail"
    place.mkdir(parents=True)
    (place / "scan.json").write_text("{}")
    assert [str(run) for run in find_runs(work.path)] == [str(place)]


def test_runs_are_found_on_a_store_that_is_no_disk(tmp_path: Path) -> None:
    root = UPath(f"memory://{tmp_path.name}/work")
    (root / "dag" / "dag" / "day" / "scan.json").write_text("{}")
    (root / "accounts" / "0a1b" / "scan.json").write_text("{}")
    assert [run.path.name for run in find_runs(root)] == ["day"]


def test_a_link_that_leads_back_is_not_followed(night: Night, work: AccountFolder) -> None:
    night.scan()
    Path(work.path / "dag" / "again").symlink_to(Path(str(work.path)))
    assert len(list(find_runs(work.path))) == 1


def test_an_empty_folder_and_one_that_is_not_there_are_distinguished(tmp_path: Path, out: Terminal) -> None:
    assert show_runs(UPath(tmp_path), out) == 0
    assert "There is no run under" in out.text
    with pytest.raises(StateError, match="There is no folder"):
        show_runs(UPath(tmp_path / "nowhere"), out)


def test_a_run_is_shown_with_its_plan_and_a_line_a_shard(night: Night, out: Terminal) -> None:
    record = night.scan().plan()
    batch_id = night.load_shards([1]).shard().submitted(1).batch_id
    night.create(2)
    assert show_run(night.run, out) == 0
    assert all(sentence in out.text for sentence in record.explanation)
    assert out.row("1").startswith(f"1 {record.shards[0].rows} 0 1 1 collected {batch_id}")
    assert "submitted" in out.row("2")


def test_a_shard_is_shown_with_every_record_of_every_attempt(night: Night, out: Terminal) -> None:
    night.scan().plan()
    batch_id = night.create()
    night.shard().void(1, batch_id, "it was another's", now())
    night.load_shards([1])
    assert show_shard(night.shard(), out) == 0
    assert "attempt 1: voided (round 1" in out.text
    assert "attempt 2: collected (round 1" in out.text
    for record in ("intent", "submitted", "ended", "collected", "voided"):
        assert f"  {record}" in out.text
    assert f"it was another's ({batch_id})" in out.text
    assert "4 succeeded" in out.row("ended")
    assert "4 succeeded" in out.row("rows")


def test_an_attempt_whose_items_share_requests_says_how_many_of_both(night: Night, out: Terminal) -> None:
    night.scan()
    settings = Settings(trial=False, work=night.work.path, pack=Packing(items=4))
    plan(night.run, JOB, night.gateway, settings=settings, clock=night.clock)
    night.create()
    show_shard(night.shard(), out)
    assert "(round 1, 2 requests about 6 items)" in out.text


def test_a_batch_that_was_abandoned_is_shown_and_the_risk_of_its_run(night: Night, out: Terminal) -> None:
    night.scan().plan()
    abandon(night.shard(), night.create(), now=now())
    at_risk = AtRisk(
        shards=(1,), rows=4, cost=Decimal(1), open_rows=6, open_cost=Decimal(2), done_by=0.0, due=60.0, makeable=6
    )
    write_record(night.run.file("at_risk.json"), AtRiskRecord(at=now(), at_risk=at_risk))
    show_shard(night.shard(), out)
    show_run(night.run, out)
    assert "abandoned at its cutoff" in out.text
    assert "at risk  Shard 1 was abandoned at the cutoff: up to 4 rows" in out.text
    assert "the deadline 00:01 UTC can still be met." in out.text


def test_a_shard_that_was_never_sent_says_so(night: Night, out: Terminal) -> None:
    night.scan().plan()
    show_shard(night.shard(), out)
    assert "Never sent" in out.text
    assert "not yet" in out.text


def test_attempts_for_rows_that_have_changed_are_marked(night: Night, out: Terminal, gateway: Gateway) -> None:
    night.scan().plan()
    night.load_shards()
    night.tag = "other"
    night.scan().plan()
    show_shard(night.shard(), out)
    assert "for rows that are no longer planned" in out.text


def test_nothing_on_record_can_act_on_the_terminal(night: Night, out: Terminal) -> None:
    night.scan().plan()
    night.create()
    night.shard().void(1, "msgbatch_\x1b[2J", "it\u202e was\r\nanother's", now())
    show_shard(night.shard(), out)
    assert not {"\x1b", "\u202e", "\r"} & set(out.text)
    assert "⟨U+001B⟩[2J" in out.text


def test_how_far_a_publication_is_can_be_seen(night: Night, work: AccountFolder, out: Terminal) -> None:
    night.scan().plan()
    night.load_shards().report()
    path = night.run.file("report.json")
    green = path.read_bytes()
    path.write_bytes(green.replace(b'"publication": "none"', b'"publication": "publishing"'))
    show_runs(work.path, out)
    show_run(night.run, out)
    assert "publishing" in out.row("dag/group/2026-11-22")
    assert out.text.count("clear its report task to complete it") == 2
    done = {"publication": "published", "published": "/out/day=1", "published_rows": 6}
    path.write_text(json.dumps(json.loads(green) | done))
    show_run(night.run, out)
    assert "answers 6 rows are published in /out/day=1" in out.text
