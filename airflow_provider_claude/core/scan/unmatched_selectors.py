"""Selectors that match no row of a quarantine, and similar ones that do."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_claude.core.scan.selectors import UNREADABLE, Selectors

#: The kinds of selectors whose values are listed if one of them matches no row. Ids are too many.
_LISTED = ("rule", "verdict", "layer")

#: At most this many selectors are listed.
_MOST = 30


class Unmatched:
    """Reads all rows of a quarantine, and finds which of *parsed* match none of them, and which selectors would."""

    def __init__(self, selectors: Sequence[str]) -> None:
        self._left = {selector: Selectors.of([selector]) for selector in selectors}
        self._unreadable: Counter[str] = Counter()
        self._there: dict[str, Counter[str]] = {kind: Counter() for kind in _LISTED}

    def see(self, row: Mapping[str, Any]) -> None:
        unreadable = row["scan_layer"] == UNREADABLE
        for selector, parsed in list(self._left.items()):
            if parsed.releases(row):
                del self._left[selector]
            elif unreadable and parsed.means(row):
                self._unreadable[selector] += 1
        self._there["rule"].update(dict.fromkeys([row["reason"], *row["flags"]], 1))
        self._there["verdict"][row["reason"]] += 1
        self._there["layer"][row["scan_layer"]] += 1

    def sentences(self) -> list[str]:
        """A sentence for each selector without a row that can be released."""
        return [self._sentence(selector) for selector in self._left]

    def _sentence(self, selector: str) -> str:
        if count := self._unreadable[selector]:
            return f"{selector} matches {count:,} of the rows that could not be read or have no text: they cannot be released."
        kind, _, value = selector.partition(":")
        there = self._there.get(kind.strip(), Counter())
        close = difflib.get_close_matches(value, there, n=1)
        meant = f" Did you mean {kind}:{close[0]}?" if close else ""
        listed = ", ".join(f"{name} ({count:,})" for name, count in there.most_common(_MOST))
        return f"{selector} matches no row in quarantine.{meant}" + (f" There is {kind}: {listed}." if listed else "")
