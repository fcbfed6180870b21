"""What the gate does about a finding: set the row aside, ask about it alone, or just note it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from airflow_provider_claude.core.scan.findings import Finding
from airflow_provider_claude.core.scan.shape_limits import Limits
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.numbers import number

Action = Literal["quarantine", "flag", "pass"]

#: From this score of the classifier on a text is set aside. docs/explanation/injection-gate.md has what other scores would do.
QUARANTINE_SCORE = 0.98

#: From this score on a text is flagged: answered alone, never beside others.
FLAG_SCORE = 0.4

#: From this score on a text that a signature has doubts about is set aside: two layers hardly ever err together.
CONFIRM_SCORE = 0.015


#: From this score on a row is in doubt, whatever else is found in it.
DOUBT_SCORE = 0.2


@dataclass(frozen=True, kw_only=True)
class ScanPolicy:
    """What the gate does, by a finding's severity, and by its rule where that is named.

    `quarantine`: the row is set aside until a person releases it. `flag`: it is answered, and screened if there is a screening.
    `pass`: the row has the rule among its flags. A row in which anything was found is in doubt: see core.doubt.

    :param high: what a finding of high severity means.
    :param medium: the same for medium severity.
    :param low: the same for low severity.
    :param rules: what these rules mean, whatever their severity.
    :param quarantine_score: from this score of the classifier on, 0 to 1, its finding is of high severity.
    :param flag_score: from this score on it is of medium severity. docs/explanation/injection-gate.md has
        what other scores would do.
    :param confirm_score: from this score on a text that a signature of medium severity speaks about is one of high severity,
        unless the signature itself asks for more.
    :param doubt_score: from this score on a row is in doubt: it shares no request, and with ``placement="auto"`` it stands in
        a tool result.
    :param limits: what shape a text may have.
    :param rule_folders: folders of .yar files that are signatures beside the package's (see docs/reference/signatures.md).
    :raises JobError: for an unknown action or a score out of range.
    """

    high: Action = "quarantine"
    medium: Action = "flag"
    low: Action = "pass"
    rules: Mapping[str, Action] = field(default_factory=dict)
    quarantine_score: float = QUARANTINE_SCORE
    flag_score: float = FLAG_SCORE
    confirm_score: float = CONFIRM_SCORE
    doubt_score: float = DOUBT_SCORE
    limits: Limits = field(default_factory=Limits)
    rule_folders: Sequence[str] = ()

    def __post_init__(self) -> None:
        named = {"high": self.high, "medium": self.medium, "low": self.low, **self.rules}
        for name, action in named.items():
            if action not in get_args(Action):
                raise JobError(
                    f"policy says {action!r} for {name}: write one of {', '.join(map(repr, get_args(Action)))}."
                )
        for name in ("quarantine_score", "flag_score", "confirm_score", "doubt_score"):
            number(name, getattr(self, name), 1e-9, 1)

    def action(self, finding: Finding) -> Action:
        own = self.rules.get(finding.rule)
        if own is not None:
            return own
        match finding.severity:
            case "high":
                return self.high
            case "medium":
                return self.medium
            case _:
                return self.low


def check_likeness(least: float | None) -> float | None:
    """*least*, how similar near duplicates are at least. Raises JobError where it is neither None nor from 0.5 to 1."""
    return None if least is None else number("near_duplicates", least, 0.5, 1)
