"""What is done to an attack: read it, as a night would. Runs in a process of its own, see `bounded`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from upath import UPath

from airflow_provider_claude.core.load.answers import judge
from airflow_provider_claude.core.load.validate import validator_for
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.sources.html.visible_text import text_of
from airflow_provider_claude.sources.mail.read_mail import read_mail
from airflow_provider_claude.sources.source import open_source
from tests.fuzz import gate


class Read(NamedTuple):
    """How many rows were read, of how many texts' characters, and what is said of those that were not."""

    rows: int
    characters: int
    defects: list[str]


def read(path: str, **options: Any) -> Read:
    """The rows of the source *path*, one batch after the other."""
    rows = characters = 0
    defects: list[str] = []
    for batch in open_source(UPath(path), **options).batches():
        broken = [one for one in batch["defect"].to_pylist() if one]
        rows += batch.num_rows - len(broken)
        defects += broken[:10]
        for name in batch.schema.names[6:]:
            characters += batch[name].nbytes
    return Read(rows, characters, defects)


def flags_of_html(html: str) -> tuple[str, ...]:
    return text_of(html).flags


def text_of_mail(raw: bytes) -> str:
    return read_mail(raw)[0]["body"] or ""


def judged_by_all_layers(texts: Sequence[str]) -> int:
    """How many layers of the gate have judged *texts*."""
    return sum(1 for run in gate.LAYERS.values() if run(pa.array(texts)) or True)


def reason_of_answer(line: bytes, schema: dict[str, Any]) -> str | None:
    """Why the answer in *line* of a results file is none; None where it is no result at all."""
    judged = judge(line, validator_for(ClaudeJob(prompt="{a}", output=schema)))
    return None if judged is None else judged.reason
