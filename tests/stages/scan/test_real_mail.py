"""All real mail through the mail source and the scan."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from airflow_provider_claude.core.scan.trimming import Trimming
from airflow_provider_claude.sources.mail.read_mail import read_mail
from benchmarks.real_mail import Scanned, scan_real_mail

#: Flags that say what is wrong with a mail as such.
_REASONS = {
    *("charset_guessed", "mime_defects", "header_defects", "header_cut", "date_unreadable", "html_unparsed"),
    *("no_headers", "no_body", "too_deep", "headers_missing", "bare_bounce"),
}

#: Mails among those of “malformed” folders that break no rule: what tripped their project's parser of that day is allowed.
WELL_FORMED = {
    "MimeKit:b252893959b6aab8": "whole: the pieces beside it, of type message/partial, are put together to it",
    "enmime:ff3de2f2bd3fadaf": "no MIME at all, which is plain text",
    "ruby-mail:59b702e624162c7b": "headers that no standard gives a form may be empty; Exchange sends them in every mail",
    "ruby-mail:a04448803cab44dd": "an empty group of recipients is a list of recipients",
    "ruby-mail:e50ef9351f183309": "a line of the body begins with From, which only an mbox minds",
}


@pytest.fixture(scope="module")
def scanned(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Scanned]:
    folder = tmp_path_factory.mktemp("mail")
    return folder, scan_real_mail(folder, Trimming(replies="drop", signatures="drop"))


def test_every_mail_ends_in_one_place(scanned: tuple[Path, Scanned]) -> None:
    _, mails = scanned
    assert mails.ends.keys() == mails.facts.keys()
    for tally in mails.by_label.values():
        assert tally.rows == tally.items + tally.duplicates + tally.reasons.total()
    assert sum(tally.rows for tally in mails.by_label.values()) == len(mails.facts)


def test_what_is_set_aside_without_a_body_has_a_flag_that_says_so(scanned: tuple[Path, Scanned]) -> None:
    _, mails = scanned
    for kind, row in mails.ends.values():
        if kind == "quarantine" and row["reason"] in {"empty", "attachments_only"}:
            assert "no_body" in row["flags"]  # type: ignore[operator]
            assert (row["reason"] == "attachments_only") == ("attachments_only" in row["flags"])  # type: ignore[operator]


def test_defects_that_others_measured_are_reported(scanned: tuple[Path, Scanned]) -> None:
    """But where the parser stumbles over the envelope alone, which is taken off before."""
    folder, mails = scanned
    for name, facts in mails.facts.items():
        raw = (folder / "mails" / name).read_bytes()
        if facts["n_defects"] and not raw.startswith((b"\n", b"\r\n", b" ")):
            assert _REASONS & set(read_mail(raw).flags), name


def test_every_malformed_mail_has_its_reason(scanned: tuple[Path, Scanned]) -> None:
    """Those that are well-formed are read whole."""
    folder, mails = scanned
    for name, facts in mails.facts.items():
        if facts["label"] != "mime_malformed":
            continue
        mail = read_mail((folder / "mails" / name).read_bytes())
        if facts["id"] in WELL_FORMED:
            assert (mail.flags, facts["n_defects"]) == ((), 0)
            assert (mail.fields["body"] or "\ufffd").count("\ufffd") == 0
        else:
            assert _REASONS & set(mail.flags), facts["path"]


def test_honest_mail_is_hardly_ever_malformed(scanned: tuple[Path, Scanned]) -> None:
    """And 2 of 1,182 are bounces of 2002, which came as plain text."""
    folder, mails = scanned
    counts: Counter[str] = Counter()
    for name, facts in mails.facts.items():
        if str(facts["label"]).startswith("ham"):
            counts.update(read_mail((folder / "mails" / name).read_bytes()).flags)
    assert counts["headers_missing"] == counts["attachments_only"] == counts["no_headers"] == 0
    assert counts["mime_defects"] <= 1
    assert counts["header_defects"] <= 7
    assert counts["bare_bounce"] <= 2


def test_text_is_hidden_in_spam_and_not_in_ham(scanned: tuple[Path, Scanned]) -> None:
    _, mails = scanned
    hidden = {label: tally.flags["hidden_text"] for label, tally in mails.by_label.items()}
    assert hidden["spam"] >= 18
    assert hidden["ham"] == hidden["ham_hard"] == 0


def test_ham_is_not_set_aside_for_its_form(scanned: tuple[Path, Scanned]) -> None:
    _, mails = scanned
    for label in ("ham", "ham_hard"):
        assert not {"empty", "attachments_only", "oversize"} & mails.by_label[label].reasons.keys()
