"""Which rows of a quarantine a person selects: selectors such as `id:m-7`, `rule:override`, `layer:classifier` or `all`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from airflow_provider_claude.core.scan.findings import LAYERS
from airflow_provider_claude.errors import JobError

#: What the reader of a source sets aside: such a row has no text that could be sent.
UNREADABLE = "source"

_HOW = (
    "Write id:<item id or place in the source>, place:<place in the source>, rule:<a reason or flag>, verdict:<the reason>, "
    f"layer:<{' | '.join((*LAYERS, UNREADABLE))}>, or all."
)


@dataclass(frozen=True)
class Selectors:
    """A list of selectors; a row is selected by any of them. *everything* selects all rows that can be released."""

    ids: frozenset[str] = frozenset()
    positions: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset()
    layers: frozenset[str] = frozenset()
    everything: bool = False

    @classmethod
    def of(cls, selectors: Sequence[str]) -> Self:
        """Raises JobError for anything that is not a selector."""
        found: dict[str, set[str]] = {"id": set(), "place": set(), "rule": set(), "verdict": set(), "layer": set()}
        everything = False
        for selector in map(str.strip, selectors):
            kind, _, value = selector.partition(":")
            if selector == "all":
                everything = True
            elif kind in found and value and (kind != "layer" or value in {*LAYERS, UNREADABLE}):
                found[kind].add(value)
            else:
                raise JobError(f"{selector[:80]!r} is not a selector of rows. {_HOW}")
        ids, positions, rules, verdicts, layers = map(frozenset, found.values())
        return cls(ids, positions, rules, verdicts, layers, everything)

    def releases(self, row: Mapping[str, Any]) -> bool:
        """Whether the row *row* of a quarantine table is selected, and can be sent."""
        return row["scan_layer"] in LAYERS and self.means(row)

    def means(self, row: Mapping[str, Any]) -> bool:
        """Whether the row *row* of a quarantine table is selected."""
        return (
            self.everything
            or bool(self.named(row))
            or row["source_ref"] in self.positions
            or row["reason"] in self.verdicts
            or row["scan_layer"] in self.layers
            or not self.rules.isdisjoint([row["reason"], *row["flags"]])
        )

    def named(self, row: Mapping[str, Any]) -> frozenset[str]:
        """The ids that select *row*: its own id, or its position in the source."""
        return self.ids & {row["item_id"], row["source_ref"]}
