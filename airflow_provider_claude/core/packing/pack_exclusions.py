"""Texts that speak to the model, or of the texts beside them: they are asked alone.

A model that believes such a text could change its neighbours' answers, and nothing in the answers would show it. To be asked
alone costs little, so this is wider than what the scan sets aside or flags: an honest "I answered all your mails" is asked
alone too. Patterns are RE2, matched without regard to case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.job import JobSpec
from airflow_provider_claude.job.schema import walk

_JUDGING = (
    r"(?:answer|respon|repl(?:y|ies)|output|return|label|classif|categori|mark|rat(?:e|ing)|tag|sentiment|verdict|score|"
    r"assess|judge|treat|decide|json|instruction|prompt)"
)
_TEXTS = (
    r"(?:e-?mails?|mails?|messages?|items?|elements?|texts?|rows?|reviews?|entr(?:y|ies)|tickets?|answers?|labels?|batch|"
    r"list|outputs?|results?|objects?|ids?)\b"
)
_OTHERS = (
    rf"\b(?:all|every|each|any|both|others?|another|neighbou?r(?:s|ing)?|rest|whole|entire|remaining)\b(?:\s+[\w']+){{0,4}}\s+{_TEXTS}"
    rf"|\b(?:next|previous|preceding|following)\s+(?:\w+\s+)?{_TEXTS}|\b(?:everything|everyone|all of (?:it|them))\b"
)
_FRAME = r"\b(?:item|element)s?\s+id\b|<\s*/?\s*(?:item|check|untrusted)\b|\bcheck\s+words?\b"
_FIRST = rf"\b{_JUDGING}|{_FRAME}"


class PackExclusions:
    """Which rows of a job are to be asked alone for what they say."""

    def __init__(self, spec: JobSpec, columns: Sequence[str]) -> None:
        """*columns*: those the prompt needs."""
        self._columns = columns
        labels = [rf"(?:^|\W){re.escape(label)}(?:\W|$)" for label in sorted(set(_labels(spec.schema)))]
        self._second = "|".join([_OTHERS, _FRAME, *labels])

    def rows(self, batch: pa.RecordBatch) -> list[bool]:
        """For each row of *batch*, whether it is to be asked alone."""
        alone = [False] * batch.num_rows
        for name in self._columns:
            rows = _where(batch.column(name), _FIRST)
            if rows:
                texts = batch.column(name).take(pa.array(rows))
                for place in _where(texts, self._second):
                    alone[rows[place]] = True
        return alone


def _where(texts: pa.Array, pattern: str) -> list[int]:
    hits = pc.match_substring_regex(texts, pattern, ignore_case=True)
    found: list[int] = pc.indices_nonzero(hits).to_pylist()
    return found


def _labels(schema: Mapping[str, Any]) -> Iterator[str]:
    """The words that an answer can choose from."""
    for _, node in walk(schema, schema):
        yield from (value for value in node.get("enum", ()) if isinstance(value, str) and len(value) > 1)
