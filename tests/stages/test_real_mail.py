"""All real mail through the mail source and the scan."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_claude.core.scan.trimming import Trimming
from airflow_provider_claude.sources.mail import read_mail
from benchmarks.real_mail import Scanned, scan_real_mail

#: Flags that say what is wrong with a mail as such.
_REASONS = {
    *("charset_guessed", "mime_defects", "header_defects", "header_cut", "date_unreadable", "html_unparsed"),
    *("no_headers", "no_body", "too_deep"),
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
        if kind == "quarantine" and row["reason"] == "empty":
            assert "no_body" in row["flags"]  # type: ignore[operator]


def test_defects_that_others_measured_are_told(scanned: tuple[Path, Scanned]) -> None:
    """But where the parser stumbles over the envelope alone, which is taken off before."""
    folder, mails = scanned
    for name, facts in mails.facts.items():
        raw = (folder / "mails" / name).read_bytes()
        if facts["n_defects"] and not raw.startswith((b"\n", b"\r\n", b" ")):
            assert _REASONS & set(read_mail(raw).flags), name


def test_malformed_mails_have_a_reason_or_are_read_whole(scanned: tuple[Path, Scanned]) -> None:
    folder, mails = scanned
    silent = 0
    for name, facts in mails.facts.items():
        if facts["label"] == "mime_malformed":
            mail = read_mail((folder / "mails" / name).read_bytes())
            if not _REASONS & set(mail.flags):
                silent += 1
                assert (mail.fields["body"] or "").strip()
                assert "\ufffd" not in (mail.fields["body"] or "")
    assert silent <= 27


def test_text_is_hidden_in_spam_and_not_in_ham(scanned: tuple[Path, Scanned]) -> None:
    _, mails = scanned
    hidden = {label: tally.flags["hidden_text"] for label, tally in mails.by_label.items()}
    assert hidden["spam"] >= 18
    assert hidden["ham"] == hidden["ham_hard"] == 0


def test_ham_is_not_set_aside_for_its_form(scanned: tuple[Path, Scanned]) -> None:
    _, mails = scanned
    for label in ("ham", "ham_hard"):
        assert not {"empty", "oversize"} & mails.by_label[label].reasons.keys()
