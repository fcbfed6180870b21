"""The one vocabulary of how an item ends. The API's spellings are translated here and nowhere else."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How an item ended. Every input row ends in exactly one."""

    SUCCEEDED = "succeeded"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    INVALID = "invalid"
    ERRORED = "errored"
    EXPIRED = "expired"
    CANCELED = "canceled"
    MISSING = "missing"
    UNAFFORDABLE = "unaffordable"


#: To look up the member of an enumeration takes as long as all else that is done here for a row.
_SUCCEEDED = Outcome.SUCCEEDED

#: `stop_reason` of a message that holds no whole answer. A refusal is a `succeeded` row of the API
#: (https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback).
_UNFINISHED: dict[str | None, Outcome] = {
    "refusal": Outcome.REFUSED,
    "max_tokens": Outcome.TRUNCATED,
    "model_context_window_exceeded": Outcome.TRUNCATED,
    "pause_turn": Outcome.TRUNCATED,
}

#: Which of a batch's own counts an outcome is in, where it had a line in the results. `missing` had none.
API_COUNTS = {
    Outcome.SUCCEEDED: "succeeded",
    Outcome.REFUSED: "succeeded",
    Outcome.TRUNCATED: "succeeded",
    Outcome.INVALID: "succeeded",
    Outcome.ERRORED: "errored",
    Outcome.EXPIRED: "expired",
    Outcome.CANCELED: "canceled",
}

_RESULT_TYPES = {"expired": Outcome.EXPIRED, "canceled": Outcome.CANCELED, "errored": Outcome.ERRORED}


def of_message(stop_reason: str | None) -> Outcome:
    """The outcome a finished message allows; SUCCEEDED still has to be a valid answer."""
    return _UNFINISHED.get(stop_reason, _SUCCEEDED)


def of_result(result_type: str) -> Outcome:
    """The outcome of a result without a message; an unknown type is an error, never a guess."""
    return _RESULT_TYPES.get(result_type, Outcome.ERRORED)
