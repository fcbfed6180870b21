"""ClaudeJob: one question, asked of every row."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec
from pydantic import BaseModel

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job.cache import CACHES, Cache
from airflow_provider_claude.job.examples import Example, examples_text
from airflow_provider_claude.job.numbers import whole_number
from airflow_provider_claude.job.params import check_params, check_thinking
from airflow_provider_claude.job.placement import placing_of
from airflow_provider_claude.job.schema import (
    check_compiles,
    check_schema,
    has_pattern,
    is_label,
    labels_in,
    output_schema,
    resolve,
)
from airflow_provider_claude.job.spec import JobSpec
from airflow_provider_claude.job.template import Piece, closing_tags, columns_of, parse_prompt
from airflow_provider_claude.job.untrusted import PLACINGS, Placing, job_key

DEFAULT_MODEL = "claude-haiku-5-5"

_MODEL_ID = re.compile(r"[A-Za-z0-9][\w.:-]*")


def _disabled() -> dict[str, Any]:
    return {"type": "disabled"}


@dataclass(frozen=True, kw_only=True, eq=False)
class ClaudeJob:
    """What is asked about each row, and the shape of the answer. Frozen, comparable, serialisable by `spec()`.

    :param prompt: template with ``{column}``, the whole name of a column: ``{body}``, ``{Review Text}``, ``{user.text}``; e.g.
        ``"<email>{subject} {body}</email>"``. Values are put in as JSON strings (quotes included, ``<`` escaped) inside
        delimiters with a nonce, so that no text can close a delimiter; never as Jinja.
    :param output: a Pydantic model or a JSON schema of an object; each property becomes a typed column, by the name that
        the schema has for it. What cannot be asked or stored is refused here, see docs/reference/job.md.
    :param system: the system prompt; the same for all rows.
    :param model: a model id; see https://platform.claude.com/docs/en/about-claude/models.
    :param max_tokens: the most tokens one answer may have.
    :param thinking: the API's thinking parameter; None leaves it out, for models that always think.
    :param cache: how long the API caches what all requests begin with. ``"auto"``: as it has paid in the job's last nights.
        ``"none"``, ``"5m"`` or ``"1h"``: always so. See docs/explanation/caching.md.
    :param params: further parameters of the Messages API: ``effort``, ``inference_geo``, ``metadata``, ``service_tier``,
        ``stop_sequences``.
    :param placement: where a row's values stand. ``"tool_result"``: in the result of a tool, with references to them in the
        prompt. ``"user"``: in the prompt itself, which saves the tokens of a tool. ``"auto"``: in the prompt, except rows
        in doubt, and all rows if an answer has room for long free text. See docs/explanation/defence.md.
    :param examples: labelled examples, each a pair: the values of a row by column, and the answer to it, as an instance of the
        output or its JSON values; or a row of a labelled table, which has both. They stand in the system prompt of every
        request. See docs/explanation/caching.md.
    :raises JobError: when the job is built, which is when the DAG is parsed.
    """

    prompt: str
    output: type[BaseModel] | Mapping[str, Any]
    system: str = ""
    model: str = DEFAULT_MODEL
    max_tokens: int = 1024
    thinking: Mapping[str, Any] | None = field(default_factory=_disabled)
    params: Mapping[str, Any] = field(default_factory=dict)
    cache: Cache = "auto"
    placement: Placing = "auto"
    examples: Sequence[Example] = ()

    def __post_init__(self) -> None:
        if not _MODEL_ID.fullmatch(self.model):
            raise JobError(f"model is {self.model!r}: write a model id such as {DEFAULT_MODEL!r}.")
        if isinstance(self.max_tokens, str):
            raise JobError(f"max_tokens is {self.max_tokens!r}: write a whole number.")
        whole_number("max_tokens", self.max_tokens, 1, 1_000_000)
        if self.cache not in CACHES:
            raise JobError(f"cache is {self.cache!r}: write one of {', '.join(map(repr, CACHES))}.")
        if self.placement not in PLACINGS:
            raise JobError(f"placement is {self.placement!r}: write one of {', '.join(map(repr, PLACINGS))}.")
        check_params(self.params)
        check_thinking(self.thinking, self.params)
        check_schema(self.schema)
        if not isinstance(self.output, type) and has_pattern(self.schema):
            check_compiles(self.schema)
        parse_prompt(self.prompt)
        _ = self.examples_text

    @cached_property
    def examples_text(self) -> str:
        """The examples as they stand in the system prompt."""
        return examples_text(
            self.examples, columns=self.columns, output=self.output, schema=self.schema, properties=self.properties
        )

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        return parse_prompt(self.prompt)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The output's JSON schema, before it is cut down to what the API takes. See `job.schema.output_schema`."""
        return output_schema(self.output)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns the prompt needs, in order of appearance."""
        return columns_of(self.pieces)

    @property
    def properties(self) -> tuple[str, ...]:
        """The names of the output's fields."""
        return tuple(resolve(self.schema, self.schema)["properties"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The strings that an answer chooses from, of all its fields."""
        return labels_in(self.schema)

    @property
    def label_fields(self) -> tuple[str, ...]:
        """The names of the output's fields that are labels: chosen from a list, or true or false."""
        fields = resolve(self.schema, self.schema)["properties"]
        return tuple(name for name, field in fields.items() if is_label(field, self.schema))

    @property
    def closing_tags(self) -> tuple[str, ...]:
        return closing_tags(self.prompt)

    def with_model(self, model: str | None) -> ClaudeJob:
        """The same job for another model; None or "" keeps this one."""
        return replace(self, model=model) if model else self

    def key(self, secret: bytes) -> bytes:
        """What canary and nonces are derived from, in the deployment that has this *secret*."""
        return job_key(secret, self.system, self.prompt)

    def spec(self, secret: bytes, *, schema: Mapping[str, Any] | None = None) -> JobSpec:
        """The job as plain values, in the deployment that has this *secret*.

        *schema*: the output's schema as the API takes it, None for the output's own.
        """
        return JobSpec(
            model=self.model,
            system=self.system,
            prompt=self.prompt,
            max_tokens=self.max_tokens,
            thinking=None if self.thinking is None else dict(self.thinking),
            params=dict(self.params),
            placement=placing_of(self.placement, self.schema),
            key=self.key(secret).hex(),
            schema=self.schema if schema is None else dict(schema),
            answer_schema=self.schema,
            examples=self.examples_text,
        )

    def _key(self) -> str:
        return json.dumps([msgspec.structs.asdict(self.spec(b"")), self.cache], sort_keys=True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClaudeJob) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())
