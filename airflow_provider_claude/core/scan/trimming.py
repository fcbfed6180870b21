"""Which parts of a text are judged, but not sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from airflow_provider_claude.errors import JobError

Part = Literal["keep", "drop"]


@dataclass(frozen=True, kw_only=True)
class Trimming:
    """Whether quoted *replies* and *signatures* are sent along with what a writer wrote.

    :raises JobError: for a word that is not one of the two.
    """

    replies: Part = "keep"
    signatures: Part = "keep"

    def __post_init__(self) -> None:
        for name, word in (("replies", self.replies), ("signatures", self.signatures)):
            if word not in get_args(Part):
                raise JobError(f'{name}={word!r} is not valid: write "keep" or "drop".')

    @property
    def drops(self) -> bool:
        return "drop" in {self.replies, self.signatures}
