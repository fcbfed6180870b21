"""The delimiters that a text will stand in, and that it must not close."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_claude.core.scan.findings import Finding
from airflow_provider_claude.core.scan.normalise import rows_where


@dataclass(frozen=True)
class ClosingTags:
    """Finds the delimiters *tags*, such as `</email>`, however they are spaced and in whatever case."""

    tags: Sequence[str]

    def find(self, texts: pa.Array) -> list[Finding]:
        """The rows of the strings *texts* that close one of the delimiters."""
        if not self.tags:
            return []
        rows = rows_where(pc.match_substring_regex(texts, "|".join(map(_loose, self.tags)), ignore_case=True))
        says = "the text closes the delimiter it stands in"
        return [Finding(row, "structure", "delimiter_forging", "high", 1.0, says) for row in rows]


def _loose(tag: str) -> str:
    """*tag* as RE2, with room between its pieces."""
    return r"\s*".join(re.sub(r"([^\w])", r"\\\1", piece) for piece in re.findall(r"\w+|[^\w\s]", tag))
