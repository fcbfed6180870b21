"""Terms that mean no row of a quarantine, and the ones that would."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_claude.core.scan.selectors import UNREADABLE, Selectors

#: The kinds of terms that are listed where one of them means no row. Ids are any number.
_LISTED = ("rule", "verdict", "layer")

#: At most so many terms are listed.
_MOST = 30


class Unmatched:
    """Shown all rows of a quarantine, it knows which of *terms* mean none of them, and which terms mean some."""

    def __init__(self, terms: Sequence[str]) -> None:
        self._left = {term: Selectors.of([term]) for term in terms}
        self._unreadable: Counter[str] = Counter()
        self._there: dict[str, Counter[str]] = {kind: Counter() for kind in _LISTED}

    def see(self, row: Mapping[str, Any]) -> None:
        unreadable = row["scan_layer"] == UNREADABLE
        for term, selectors in list(self._left.items()):
            if selectors.releases(row):
                del self._left[term]
            elif unreadable and selectors.means(row):
                self._unreadable[term] += 1
        self._there["rule"].update(dict.fromkeys([row["reason"], *row["flags"]], 1))
        self._there["verdict"][row["reason"]] += 1
        self._there["layer"][row["scan_layer"]] += 1

    def sentences(self) -> list[str]:
        """A sentence for each term without a row that can be released."""
        return [self._sentence(term) for term in self._left]

    def _sentence(self, term: str) -> str:
        if count := self._unreadable[term]:
            return (
                f"{term} means {count:,} of the rows that could not be read or have no text: they cannot be released."
            )
        kind, _, value = term.partition(":")
        there = self._there.get(kind.strip(), Counter())
        close = difflib.get_close_matches(value, there, n=1)
        meant = f" Did you mean {kind}:{close[0]}?" if close else ""
        listed = ", ".join(f"{name} ({count:,})" for name, count in there.most_common(_MOST))
        return f"{term} means no row in quarantine.{meant}" + (f" There is {kind}: {listed}." if listed else "")
