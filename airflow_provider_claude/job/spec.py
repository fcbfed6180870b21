"""A job as plain values, as plan.json keeps it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec

from airflow_provider_claude.job.schema import resolve
from airflow_provider_claude.job.template import columns_of, parse_prompt
from airflow_provider_claude.job.untrusted import Placement, Placing


class JobSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the requests of a job have in common: with it, each request can be made again byte for byte.

    `schema` is the JSON schema of an answer as the API takes it, `answer_schema` the same as the job has it. `key`, in
    hexadecimal, is what the canary and the nonces are derived from.
    `placement` is `auto` where it depends on the row. `examples` is the part of the system prompt with the labelled examples.
    The keys of `thinking` and `params` are the API's.
    """

    model: str
    system: str
    prompt: str
    max_tokens: int
    thinking: dict[str, Any] | None
    params: dict[str, Any]
    placement: Placing
    key: str
    schema: dict[str, Any]
    answer_schema: dict[str, Any]
    examples: str = ""

    @property
    def secret_key(self) -> bytes:
        """`key` as bytes."""
        return bytes.fromhex(self.key)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns the prompt needs, in order of appearance."""
        return columns_of(parse_prompt(self.prompt))

    @property
    def properties(self) -> tuple[str, ...]:
        """The names of the answer's fields."""
        return tuple(resolve(self.answer_schema, self.answer_schema)["properties"])

    def placed(self, *, in_doubt: bool) -> Placement:
        """Where a row stands that is *in_doubt*, or not; see core.doubt."""
        if self.placement == "auto":
            return "tool_result" if in_doubt else "user"
        return self.placement

    @property
    def prompt_hash(self) -> str:
        """The SHA-256 of what is asked, and of how, without the schema."""
        left_out = {"schema", "answer_schema", "key"}
        return _hash({name: value for name, value in msgspec.structs.asdict(self).items() if name not in left_out})

    @property
    def schema_hash(self) -> str:
        """The SHA-256 of the schema as the API takes it, with the order of its fields and options: both can move answers."""
        return hashlib.sha256(json.dumps(self.schema).encode()).hexdigest()

    @property
    def job_hash(self) -> str:
        """The hash of what all requests of one job have in common, before any item is in them."""
        return self.prompt_hash[:8] + self.schema_hash[:8]


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
