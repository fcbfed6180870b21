"""What a run does at the cutoff about a batch it cannot end: the batch is not proven to be its own, or the cancel has no effect.

A batch is *proven* to be a shard's by the API's answer to the sender, or by the custom ids of its results. One that was
found in the workspace's list may be another run's or another team's until then: it is never cancelled.

    at its cutoff the batch          stuck_batches="answer"           stuck_batches="wait"
    is proven                        Cancel, and wait for its end     the same
    was cancelled and has not ended  Leave: the sync lane asks again  wait on
    is not proven                    Leave: the sync lane asks again  Warn, and wait on
"""

from __future__ import annotations

from enum import Enum
from typing import Literal, get_args

from airflow_provider_claude.errors import JobError

#: `answer`: the rows of a stuck batch are asked again, and may be paid for twice. `wait`: the shard waits for its end.
StuckBatches = Literal["answer", "wait"]

#: A cancelled batch is waited for this many times the seconds that a cancel is expected to take.
PATIENCE = 2.0


class Step(Enum):
    """What to do about a batch that has not ended."""

    WAIT = "wait for it"
    CANCEL = "cancel it and wait for its end"
    LEAVE = "stop waiting: the sync lane asks its rows"
    WARN = "wait for it past its cutoff, and raise the alert"


def at_cutoff(*, proven: bool, since: float, lead: float, choice: StuckBatches) -> Step:
    """The step for a batch whose cutoff came *since* seconds ago. *lead*: seconds that a cancel is expected to take."""
    if not proven:
        return Step.LEAVE if choice == "answer" else Step.WARN
    return Step.LEAVE if choice == "answer" and since >= PATIENCE * lead else Step.CANCEL


def checked(choice: str) -> StuckBatches:
    """*choice*, if it is one. Raises JobError."""
    for known in get_args(StuckBatches):
        if choice == known:
            return known  # type: ignore[no-any-return]
    raise JobError(f"stuck_batches is {choice!r}: write 'answer' or 'wait'.")
