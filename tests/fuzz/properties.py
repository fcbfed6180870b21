"""What must hold for every input, as functions that raise where it does not. By name in PROPERTIES, with their inputs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_claude.core.scan.normalise import _ANY, normalise
from airflow_provider_claude.errors import SourceError
from airflow_provider_claude.sources.html.visible_text import MAX_HIDDEN, text_of
from airflow_provider_claude.sources.mail.read_mail import MAIL_COLUMNS, read_mail
from airflow_provider_claude.sources.mail.replies import bodies, split_reply
from airflow_provider_claude.sources.source import open_source
from tests.fuzz import damage, gate, material


class Property(NamedTuple):
    inputs: Callable[[], st.SearchStrategy[Any]]
    holds: Callable[[Any], None]


def a_mail_is_read_whatever_it_is(raw: bytes) -> None:
    fields, flags = read_mail(raw)[:2]
    assert tuple(fields) == MAIL_COLUMNS
    assert fields["body"] or "no_body" in flags
    assert len(set(flags)) == len(flags)
    for value in fields.values():
        assert value is None or value.encode()


def a_mailbox_loses_no_mail(raws: list[bytes]) -> None:
    """However broken its mails are, those after them are told apart."""
    bodies = [re.sub(rb"(^|[\r\n])(>*From )", rb"\1>\2", raw) for raw in raws]
    start = b"From a@b.example Mon Nov  2 10:00:00 2026\nX-Number: 1\n"
    rows = _rows("a.mbox", b"".join(start + body + b"\n\n" for body in bodies))
    assert len(rows) == len(raws)


def csv_rows_are_kept_or_reported(data: bytes) -> None:
    rows = _rows("a.csv", data)
    if rows and not any(row["defect"] for row in rows):
        assert len(rows) <= data.count(b"\n") + data.count(b"\r") + 1


def jsonl_lines_are_kept_or_reported(data: bytes) -> None:
    rows = _rows("a.jsonl", data)
    if data[:2] not in {b"\xff\xfe", b"\xfe\xff"} and rows != [] and "unreadable_file" not in str(rows[-1]["defect"]):
        lines = [line for line in data.split(b"\n") if line.removeprefix(b"\xef\xbb\xbf").strip()]
        assert len(rows) == len(lines)


def html_has_a_text(html: str) -> None:
    shown = text_of(html)
    assert len(shown.text) <= 2 * len(html) + 2
    assert len(shown.hidden) <= MAX_HIDDEN
    (shown.text + shown.hidden).encode()
    assert text_of(html) == shown


def cleaning_leaves_nothing_to_clean(texts: list[str | None]) -> None:
    once = normalise(pa.array(texts, pa.string()))
    again = normalise(once.texts)
    assert again.texts.equals(once.texts)
    assert again.changes == {}
    assert once.texts.is_null().to_pylist() == [text is None for text in texts]
    hidden = re.compile(re.sub(r"\\x\{(\w+)\}", lambda found: f"\\U{found[1]:0>8}", _FORBIDDEN))
    for text in once.texts.to_pylist():
        assert not any(_is_hidden(found) for found in hidden.finditer(text or ""))


def _is_hidden(found: re.Match[str]) -> bool:
    """Whether *found* should not be there. A joiner stays unless what stands to its right has no use for one either."""
    after = found.string[found.end() : found.end() + 1]
    return found[0][-1] not in "\u200c\u200d" or after <= "\u02ff"


def every_line_is_in_one_part(text: str) -> None:
    parts = split_reply(text)
    assert sorted(_lines(*parts)) == sorted(_lines(text))
    assert parts.body.strip() or not text.strip()
    whole = bodies(pa.array([text, None]), replies=True, signatures=True)
    assert whole.texts.to_pylist() == [parts.body, None]
    assert ("reply_dropped" in whole.changes, "signature_dropped" in whole.changes) == (
        parts.quoted != "",
        parts.signature != "",
    )


def _lines(*texts: str) -> list[str]:
    return [line.strip() for text in texts for line in text.split("\n") if line.strip()]


#: Of _ANY, what has no honest use at all: flags of regions keep their tag characters.
_FORBIDDEN = _ANY.replace(r"\x{E0000}-\x{E007F}", r"\x{E0000}-\x{E001F}")


def _rows(name: str, data: bytes) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            source = open_source(UPath(path), id_column=None)
            rows = [row for batch in source.batches() for row in batch.to_pylist()]
        except SourceError:  # also of a table whose text would be a guess
            return []
    for row in rows:
        assert row["defect"] is None or re.match(r"[a-z_]+: \S", row["defect"])
        assert row["source_ref"]
    return rows


PROPERTIES = {
    "damage": Property(damage.damaged, damage.untouched_rows_come_through_or_are_counted),
    "mail": Property(material.mail_bytes, a_mail_is_read_whatever_it_is),
    "mbox": Property(lambda: st.lists(material.mail_bytes(), max_size=4), a_mailbox_loses_no_mail),
    "csv": Property(lambda: material.table_bytes(material.CSV_PIECES), csv_rows_are_kept_or_reported),
    "jsonl": Property(lambda: material.table_bytes(material.JSONL_PIECES), jsonl_lines_are_kept_or_reported),
    "html": Property(material.html_texts, html_has_a_text),
    "replies": Property(material.reply_texts, every_line_is_in_one_part),
    "clean": Property(
        lambda: st.lists(material.plain_texts() | st.none(), max_size=5), cleaning_leaves_nothing_to_clean
    ),
    "codes": Property(gate.texts, gate.codes_are_read_within_bounds),
    "readings": Property(gate.texts, gate.other_readings_are_of_rows_that_are_there),
    "letters": Property(gate.texts, gate.letters_fold_once),
    "shapes": Property(gate.texts, gate.shapes_name_rows_that_exist),
    "signatures": Property(gate.texts, gate.signatures_name_rows_that_exist),
    "redaction": Property(gate.texts, gate.redaction_leaves_tokens_only),
}
