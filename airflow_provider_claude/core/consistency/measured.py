"""How consistent the answers of a run were, as its report has it."""

from __future__ import annotations

import msgspec

from airflow_provider_claude.core.consistency.asked_again import AskedAgain, FieldAgreement


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured of a run; `again` is None where no row was asked a second time, and `why_not` then says why."""

    again: AskedAgain | None = None
    why_not: str = ""

    @property
    def weakest(self) -> FieldAgreement | None:
        """The field with the least agreement, None where nothing is known."""
        return self.again.weakest if self.again else None

    def sentence(self) -> str:
        """How consistent this run was."""
        return self.again.sentence() if self.again else f"No row was asked a second time: {self.why_not}."
