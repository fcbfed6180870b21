"""Texts that speak of the texts beside them: with the rows in doubt (`core.doubt`), they are asked alone.

A model that believes such a text could change its neighbours' answers, and nothing in the answers would show it. To be asked
alone costs little, so this is wide: an honest "I answered all your mails" is asked alone too.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from airflow_provider_claude.core.doubt import Doubts, speaking
from airflow_provider_claude.job import JobSpec

_TEXTS = (
    r"(?:e-?mails?|mails?|messages?|items?|elements?|texts?|rows?|reviews?|entr(?:y|ies)|tickets?|answers?|labels?|batch|"
    r"list|outputs?|results?|objects?|ids?)\b"
)
_OTHERS = (
    rf"\b(?:all|every|each|any|both|others?|another|neighbou?r(?:s|ing)?|rest|whole|entire|remaining)\b(?:\s+[\w']+){{0,4}}\s+{_TEXTS}"
    rf"|\b(?:next|previous|preceding|following)\s+(?:\w+\s+)?{_TEXTS}|\b(?:everything|everyone|all of (?:it|them))\b"
)


class PackExclusions:
    """Which rows of a job are to be asked alone for what is found in them, or for what they say."""

    def __init__(self, spec: JobSpec, columns: Sequence[str]) -> None:
        """*columns*: those the prompt needs."""
        self._texts, self._doubts = columns, Doubts(spec, columns)
        self.columns = self._doubts.columns

    def rows(self, batch: pa.RecordBatch) -> list[bool]:
        """For each row of *batch*, which has `columns`, whether it is to be asked alone."""
        alone = self._doubts.rows(batch)
        for row in speaking(batch, self._texts, _OTHERS):
            alone[row] = True
        return alone
