"""A few rows to look at: the first ones of each reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from airflow_provider_claude.core.legible import excerpt
from airflow_provider_claude.core.report.example import Example

#: Examples kept of one reason, and of all.
PER_REASON, IN_ALL = 2, 20


class Examples:
    """The first rows of each reason, in order of appearance."""

    def __init__(self) -> None:
        self.found: list[Example] = []
        self._kept: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Examples {len(self.found)} of at most {IN_ALL}>"

    def add(self, batch: pa.RecordBatch, *, reason: str, detail: str, text: Sequence[str]) -> None:
        """Take what is still wanted from *batch*; the arguments name its columns, *text* those of the excerpt."""
        for row in self._wanted(batch[reason]):
            self._kept[batch[reason][row].as_py()] += 1
            self.found.append(
                Example(
                    item_id=excerpt(batch["item_id"][row].as_py() or "(no id)"),
                    reason=excerpt(batch[reason][row].as_py()),
                    detail=excerpt(batch[detail][row].as_py() or ""),
                    excerpt=excerpt(" · ".join(filter(None, (batch[name][row].as_py() for name in text)))),
                )
            )

    def _wanted(self, reasons: pa.Array) -> list[int]:
        """The rows to take; only distinct reasons are looked at one by one."""
        wanted = []
        codes = reasons.dictionary_encode()
        indices = np.from_dlpack(codes.indices)
        for code, reason in enumerate(codes.dictionary.to_pylist()[:IN_ALL]):
            wanted += (indices == code).nonzero()[0][: PER_REASON - self._kept[reason]].tolist()
        return sorted(wanted)[: IN_ALL - len(self.found)]
