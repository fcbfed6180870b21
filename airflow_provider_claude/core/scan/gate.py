"""The gate: every layer looks at the cleaned texts of a batch, and the policy says what that means for its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from airflow_provider_claude.core.scan.findings import Finding, Layer, Severity
from airflow_provider_claude.core.scan.normalise import Cleaned
from airflow_provider_claude.core.scan.policy import ScanPolicy
from airflow_provider_claude.core.scan.signatures import Signatures
from airflow_provider_claude.core.scan.threats import ClosingTags
from airflow_provider_claude.core.scan.verdicts import Verdicts, decide

#: Changes that no honest text needs: their severity, and what they mean. Any other is noted.
CHANGES: Mapping[str, tuple[Severity, str]] = {
    "tag_characters": ("high", "the text hides a message in tag characters"),
    "smuggled_selectors": ("high", "the text hides a message in variation selectors"),
}


@dataclass(frozen=True)
class Gate:
    """*layers* read each text; *policy* says what their findings mean."""

    layers: Sequence[Layer]
    policy: ScanPolicy = field(default_factory=ScanPolicy)

    def judge(self, columns: Mapping[str, Cleaned]) -> Verdicts:
        """What becomes of the rows of *columns* (at least one), which all have the same length."""
        return decide(self._findings(columns), self.policy)

    def _findings(self, columns: Mapping[str, Cleaned]) -> Iterator[Finding]:
        for name, column in columns.items():
            yield from _changes(name, column)
        for layer in self.layers:
            for name, column in columns.items():
                for finding in layer.find(column.texts):
                    yield finding._replace(detail=f"{finding.detail} (column {name!r}).")


def open_gate(policy: ScanPolicy, closing_tags: Sequence[str] = (), rule_folders: Sequence[Path | str] = ()) -> Gate:
    """The gate with all layers. *closing_tags* are delimiters that no text may close, such as `</email>`. *rule_folders*
    hold .yar files that are applied beside the package's.

    Raises JobError where a rule cannot be used.
    """
    return Gate([ClosingTags(closing_tags), Signatures.compiled(rule_folders)], policy)


def _changes(name: str, column: Cleaned) -> Iterator[Finding]:
    for change, rows in column.changes.items():
        severity, says = CHANGES.get(change, ("low", "the text was cleaned"))
        for row in rows:
            yield Finding(row, "structure", change, severity, 1.0, f"{says} (column {name!r}).")
