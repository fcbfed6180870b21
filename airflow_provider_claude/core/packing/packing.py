"""Whether and how many short items share one request: a setting of the plan, off unless it is asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_claude.core.cost.tokens import BYTES_A_TOKEN
from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob, JobSpec
from airflow_provider_claude.job.numbers import whole_number

#: The most items of one request. Models lose count of more, and one refusal costs all of them another request.
MAX_ITEMS = 20

#: So many input tokens the items of one request have together, unless another bound is asked for, and at most.
PACK_TOKENS, MAX_TOKENS = 4_000, 20_000

#: What an element of a packed answer has beside the job's own fields.
ID, CHECK = "id", "check"

_OWN_TAGS = re.compile(r"</?(?:item|check)\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Packing:
    """At most *items* items in a request, of about *tokens* input tokens together.

    *by*: columns whose values items of one request have in common, such as a customer. Raises JobError for values that
    make no sense.
    """

    items: int
    tokens: int = PACK_TOKENS
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 2 <= self.items <= MAX_ITEMS:
            raise JobError(f"pack is {self.items}: one request holds 1 item, or 2 to {MAX_ITEMS}.")
        if not 100 <= self.tokens <= MAX_TOKENS:
            raise JobError(f"pack_tokens is {self.tokens}: write 100 to {MAX_TOKENS:,} input tokens a request.")
        if not all(isinstance(name, str) and name for name in self.by):
            raise JobError(f"pack_by is {self.by!r}: write names of columns.")

    @property
    def bytes(self) -> int:
        """The most bytes of the items of one request together."""
        return int(self.tokens * BYTES_A_TOKEN)

    def fingerprint(self, plain: str) -> str:
        """That of a shard with the fingerprint *plain*, where its items are asked like this."""
        identity = f"{plain}:{self.items}:{self.tokens}:{list(self.by)}"
        return hashlib.sha256(identity.encode()).hexdigest()


def packing_of(pack: object, tokens: object = PACK_TOKENS, by: Sequence[str] = ()) -> Packing | None:
    """The packing that a user's numbers ask for; None for one item a request.

    Raises JobError where they are no whole numbers, or make no sense.
    """
    items = whole_number("pack", pack, 1, MAX_ITEMS)
    bound, columns = pack_tokens_of(tokens), pack_by_of(by)
    return None if items == 1 else Packing(items=items, tokens=bound, by=columns)


def pack_tokens_of(tokens: object) -> int:
    return whole_number("pack_tokens", tokens, 100, MAX_TOKENS)


def pack_by_of(by: Sequence[str]) -> tuple[str, ...]:
    if isinstance(by, str):
        raise JobError(f"pack_by is {by!r}: write a list of column names.")
    return tuple(by)


def check_packable(job: ClaudeJob, packing: Packing, columns: Sequence[str]) -> None:
    """Raise JobError where items of *job* cannot share a request. *columns* are those that the items have."""
    missing = [name for name in packing.by if name not in columns]
    if missing:
        raise JobError(
            f"pack_by names {', '.join(missing)}, which the items do not have. Let the scan carry them: carry={missing!r}."
        )
    if _has_own_tags(job):
        raise JobError(
            "The prompt has a tag named item or check, which packed requests use. Rename it, or write pack=1."
        )
    if taken := _own_fields(job):
        raise JobError(
            f"output has a field {taken[0]!r}, which packed answers use to identify items. Rename it, or write pack=1."
        )


def can_pack(job: JobSpec) -> bool:
    """Whether items of *job* can share a request."""
    return not _has_own_tags(job) and not _own_fields(job)


def _has_own_tags(job: ClaudeJob | JobSpec) -> bool:
    return _OWN_TAGS.search(job.prompt) is not None


def _own_fields(job: ClaudeJob | JobSpec) -> list[str]:
    """The fields of its answers with names that packed answers use."""
    return [name for name in (ID, CHECK) if name in job.properties]
