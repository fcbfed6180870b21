"""How consistent the answers of a run were, as its report has it."""

from __future__ import annotations

import msgspec

from airflow_provider_claude.core.consistency.asked_again import AskedAgain, FieldAgreement
from airflow_provider_claude.core.consistency.golden import Golden


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a run: `again` by rows that were asked a second time, `golden` by rows whose answers are known; None
    where there were none. `unanswered` rows that were asked for it got no valid answer, by how they ended. `why_not` says why
    nothing was measured that was to be.
    """

    again: AskedAgain | None = None
    golden: Golden | None = None
    unanswered: dict[str, int] = {}
    why_not: str = ""

    @property
    def weakest(self) -> FieldAgreement | None:
        """The field with the least agreement, None where nothing is known."""
        return self.again.weakest if self.again else None

    def sentences(self) -> list[str]:
        """How consistent this run was, and how right."""
        found = [one.sentence() for one in (self.again, self.golden) if one is not None]
        if self.unanswered:
            ended = ", ".join(f"{count:,} {outcome}" for outcome, count in self.unanswered.items())
            found.append(f"Without a valid answer of these rows: {ended}.")
        return found or [f"No row was asked a second time: {self.why_not}."]

    def sentence(self) -> str:
        return " ".join(self.sentences())
