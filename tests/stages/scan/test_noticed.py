"""What the reader of a source has noticed of a mail, and what the policy makes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_claude.core.scan.policy import Action
from airflow_provider_claude.sources.source import open_source
from airflow_provider_claude.stages.scan.run import scan
from airflow_provider_claude.stages.scan.scan_settings import ScanSettings
from airflow_provider_claude.store import RunFolder
from tests.stages.test_scan import RULES_ONLY, rows_in

HIDING = "<p>Hello</p><p style='display:none'>what is not seen</p>"


def scanned(folder: Path, html: str, **rules: Action) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The items and the quarantine of one mail."""
    headers = "From: a@b.c\nDate: 23 Nov 2026 09:00 +0100\nContent-Type: text/html; charset=utf-8\n\n"
    (folder / "1.eml").write_text(headers + html)
    run = RunFolder(UPath(folder / "_run"))
    settings = ScanSettings(text_columns=["body"], policy=replace(RULES_ONLY, rules=rules))
    scan(open_source(UPath(folder), columns=["body"]), run, settings, clock=lambda: "2026-11-23T00:00:00+00:00")
    return rows_in(run, "items"), rows_in(run, "quarantine")


@pytest.mark.parametrize(("action", "suspect"), [("pass", False), ("flag", True)])
def test_a_policy_may_name_what_the_reader_has_noticed(tmp_path: Path, action: Action, *, suspect: bool) -> None:
    [item], _ = scanned(tmp_path, HIDING, hidden_text=action)
    assert (item["flags"], item["scan_suspect"]) == (["hidden_text"], suspect)


def test_a_mail_that_hides_text_is_set_aside_where_the_policy_says_so(tmp_path: Path) -> None:
    _, [row] = scanned(tmp_path, HIDING, hidden_text="quarantine")
    assert (row["reason"], row["scan_layer"]) == ("hidden_text", "structure")


def test_hidden_text_is_only_noted_unless_the_policy_names_it(tmp_path: Path) -> None:
    [item], _ = scanned(tmp_path, HIDING)
    assert not item["scan_suspect"]


def test_a_mail_too_tangled_to_tell_what_it_hides_is_asked_alone(tmp_path: Path) -> None:
    [item], _ = scanned(tmp_path, "<div>" * 3_000 + HIDING)
    assert "not seen" in item["body"]
    assert item["scan_suspect"]
