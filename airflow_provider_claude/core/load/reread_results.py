"""When the results of an ended batch are read again, and when to accept what is there: no shard waits for ever.

    what was read                                            what is done
    a line for each request of ours, and a whole last line   kept
    an adopted batch, whole, with lines of others only       kept: it is another's
    less, or a torn last line                                read again, at least 6 times over 5 minutes
    nothing, because the API fails, or refuses them alone    tried again, at least 6 times over an hour
    either, beyond the cutoff of the shard                   read again, at least 3 times over 30 seconds
    any of these, beyond that                                the best of the looks is kept, the rest is `missing`

Each row of a batch is one line of its results (https://platform.claude.com/docs/en/build-with-claude/batch-processing).
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_claude.core.submit.polling import TROUBLE_SECONDS

#: So often results are read at the least before they are kept as they are.
MIN_LOOKS = 6

#: Seconds over which results that stay short are read again.
SHORT_SECONDS = 300.0

#: The same where the shard is late: a deadline outranks the few cents that asking again costs.
LATE_LOOKS, LATE_SECONDS = 3, 30.0

_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 300.0


@dataclass(frozen=True, kw_only=True)
class Read:
    """What one download held: lines for *ours* of our requests, *named* different custom ids in all. *torn*: its last line
    is a piece of one. *stopped*: it had more bytes than answers to the requests can have, and was not read to its end.
    """

    ours: int = 0
    named: int = 0
    torn: bool = False
    stopped: bool = False

    def whole(self, *, asked: int, counted: int, adopted: bool) -> bool:
        """Whether it is all there is: of *asked* requests; the batch itself counts *counted*, which an *adopted* one that is
        another's has to show.
        """
        if self.torn or self.stopped:
            return False
        return self.ours == asked or (adopted and not self.ours and 0 < counted <= self.named)

    def sentence(self, asked: int) -> str:
        """What it held, in words."""
        if self.ours:
            names = f"they name {self.ours:,} of {asked:,} requests"
        else:
            names = f"they name none of the {asked:,} requests" + (f", and {self.named:,} others" if self.named else "")
        if self.stopped:
            return f"{names}, and have more bytes than answers to so many requests can have: the rest was not read"
        return f"{names}, and end within a line" if self.torn else names


def next_look(*, looks: int, waited: float, failed: bool, late: bool = False) -> float | None:
    """Seconds until results are read again after *looks* incomplete looks over *waited* seconds; None where that was the last.

    *failed*: the last look gave nothing at all, because the API failed or refused. *late*: the cutoff of the shard has come.
    """
    least, over = (LATE_LOOKS, LATE_SECONDS) if late else (MIN_LOOKS, TROUBLE_SECONDS if failed else SHORT_SECONDS)
    if looks >= least and waited >= over:
        return None
    return min(_FIRST_PAUSE * 2.0 ** min(looks - 1, 10), _LONGEST_PAUSE)
