"""`claude-batch accept`: who accepted which job, and when, is on record."""

from __future__ import annotations

from airflow_provider_claude.cli.main import main
from airflow_provider_claude.store import AccountFolder
from tests.cli.conftest import JOB, Night


def test_the_job_of_a_planned_run_is_accepted_for_its_group(night: Night, work: AccountFolder, capsys) -> None:
    plan = night.scan().plan()
    assert main(["accept", str(night.run)]) == 0
    assert f"Accepted: the job of {night.run}, for all runs of dag/group." in capsys.readouterr().out
    [record] = work.accepted("dag/group").all()
    assert (record.job, record.run) == (plan.job, "dag/group/2026-11-22")
    assert record.job.model == JOB.model
    assert " at " in record.by


def test_a_run_that_is_not_planned_has_no_job_to_accept(night: Night, work: AccountFolder, capsys) -> None:
    night.scan()
    assert main(["accept", str(night.run)]) == 1
    assert "has not been planned" in capsys.readouterr().err
    assert work.accepted("dag/group").all() == []


def test_the_runs_of_a_work_folder_are_listed_without_what_it_keeps_of_accepted_jobs(
    night: Night, work: AccountFolder, capsys
) -> None:
    night.scan().plan()
    main(["accept", str(night.run)])
    capsys.readouterr()
    assert main(["runs", str(work)]) == 0
    assert "accepted" not in capsys.readouterr().out
