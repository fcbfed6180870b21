"""How long a task waits for something else to end. Nothing that it waits for normally takes longer than a day.

    what it waits for                                what it takes at most
    a batch                                          24 hours, then it expires
    room in the account's limits, a sender, a lease  minutes
    room in the account's queue, for a larger run    24 hours for each wave before it
    another run in the same folder                   as long as that run has batches under way

(https://platform.claude.com/docs/en/build-with-claude/batch-processing)
"""

from __future__ import annotations

#: A batch expires after 24 hours; two more let it end, and its results be read.
MOST_SECONDS = 26 * 3600.0

#: A try that took so many seconds was at work, as the sync lane is for hours: then the time counts from its end.
WORK_SECONDS = 1800.0


def next_try(asked: float | None, *, waited: float, limited: bool, times: int = 1) -> float | None:
    """Seconds until the next try after *waited* seconds without success; None where the time to wait is over.

    *asked*: the seconds that were asked for, if any were. *limited*: the API had no room for the call. *times*: how many batches,
    one after the other, have to end first.
    """
    left = MOST_SECONDS * times - waited
    if left <= 0:
        return None
    least, most = (30.0, 120.0) if limited else (1.0, 900.0)
    return min(max(least, asked or 0.0), most, max(left, 1.0))
