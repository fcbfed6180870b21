"""`claude-batch restore`: what a partition held before is listed, and put back."""

from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from airflow_provider_claude.cli.main import main
from airflow_provider_claude.sinks.parquet import read_answers
from airflow_provider_claude.sinks.partition import Partition
from airflow_provider_claude.sinks.versions import versions
from tests.sinks.test_publish import SCHEMA, parts, publish


@pytest.fixture
def output(tmp_path: Path) -> UPath:
    """An output whose one partition was replaced once."""
    out = UPath(tmp_path / "out")
    for tag in "ab":
        publish(parts(UPath(tmp_path), 0, 1, tag=tag), SCHEMA, out / "day=2026-11-22", tag=tag)
    return out


def ids(output: UPath) -> list[str]:
    return sorted(read_answers(output)["item_id"])


def test_the_newest_version_comes_back_under_the_partitions_value_or_its_folders_name(
    output: UPath, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["restore", str(output), "2026-11-22"]) == 0
    assert ids(output) == ["a0", "a1"]
    assert "holds version 20261123T000000" in capsys.readouterr().out
    assert main(["restore", str(output), "day=2026-11-22"]) == 0
    assert ids(output) == ["b0", "b1"]


def test_versions_are_listed_and_one_is_chosen_by_its_id(output: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", str(output)]) == 0
    assert "day=2026-11-22" in capsys.readouterr().out
    [(version, _)] = versions(Partition.at(output, "day", "2026-11-22"))
    assert main(["restore", str(output), "2026-11-22", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["(now)", "2"], [version, "2"]]
    assert ids(output) == ["b0", "b1"]
    assert main(["restore", str(output), "2026-11-22", "--version", version]) == 0
    assert ids(output) == ["a0", "a1"]


def test_what_cannot_be_restored_is_said_in_one_line(output: UPath, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", str(output), "2026-11-23"]) == 1
    assert "has no partition '2026-11-23'" in capsys.readouterr().err
    assert main(["restore", str(output), "2026-11-22", "--version", "1999"]) == 1
    assert "has no version '1999' to restore" in capsys.readouterr().err
    assert ids(output) == ["b0", "b1"]
