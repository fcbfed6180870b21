"""The end of a batch: its requests file in, its results file and its bill out. Runs in the worker process.

Every request gives exactly one row (unless set to misbehave). What is held in memory is one small object for each
request; the texts stay in the mapped file. Rows are written in a seeded order that is not that of the requests.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from random import Random
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec
from msgspec import Raw, Struct

from airflow_provider_claude.simulator.http_errors import ApiError, InternalError
from airflow_provider_claude.simulator.model.answer import Setting, answer
from airflow_provider_claude.simulator.model.batch_frame import Entry, read_entries
from airflow_provider_claude.simulator.model.behaviour import Behaviour
from airflow_provider_claude.simulator.model.chance import content_digest, digest, draws, identifier
from airflow_provider_claude.simulator.model.prompt import Prompt, read_prompt
from airflow_provider_claude.simulator.model.prompt_cache import MAX_ENTRIES
from airflow_provider_claude.simulator.model.request_params import Terms, read_params
from airflow_provider_claude.simulator.model.sentiment import WORD_LIMIT
from airflow_provider_claude.simulator.world.batch_life import Counts, Ending
from airflow_provider_claude.simulator.world.ledger import Bill

#: Rows collected before each write.
_WRITE_ROWS = 256
_USER_FACING = {"error_visibility": "user_facing"}


class SettleJob(Struct, kw_only=True):
    """Everything needed to end one batch. Paths are those of its folder's files."""

    requests: str
    results: str
    billed_contents: str
    billed_requests: str
    seed: int
    salt: str
    version: str
    betas: list[str]
    ending: Ending
    behaviour: Behaviour
    warm: list[int]
    words: int = WORD_LIMIT


class Settled(Struct, kw_only=True):
    """How a batch ended. *written*: cache prefixes and their lifetimes in seconds."""

    counts: Counts
    bill: Bill
    written: dict[int, int]


class _Luck(NamedTuple):
    """The draws of one row in its batch, each from 0 to 1."""

    reached: float
    failed: float
    missing: float
    duplicated: float
    cache: float
    cold_cache: float


@dataclass(slots=True)
class _Run:
    """The state of one settlement."""

    job: SettleJob
    terms: Terms
    counts: Counts = field(default_factory=Counts)
    bill: Bill = field(default_factory=Bill)
    contents: array[int] = field(default_factory=lambda: array("Q"))
    requests: array[int] = field(default_factory=lambda: array("Q"))
    warm: set[int] = field(default_factory=set)
    written: dict[int, int] = field(default_factory=dict)


def settle(job: SettleJob) -> Settled:
    """Write the results of a batch; they appear under their name only when complete."""
    run = _Run(job, Terms("batch", job.version, tuple(job.betas)), warm=set(job.warm))
    part = Path(job.results + ".part")
    entries = read_entries(map_file(job.requests))
    Random(digest(job.seed, job.salt, "order")).shuffle(entries)
    with part.open("wb") as out:
        _write(out, (row for entry in entries for row in _rows(run, entry)))
    _write_digests(job.billed_contents, run.contents)
    _write_digests(job.billed_requests, run.requests)
    part.replace(job.results)
    return Settled(counts=run.counts, bill=run.bill, written=run.written)


def _write_digests(path: str, digests: array[int]) -> None:
    with Path(path).open("wb") as out:
        array("Q", sorted(digests)).tofile(out)


def map_file(path: str) -> mmap:
    """The file's bytes, mapped; the mapping goes when the last view of it does."""
    with Path(path).open("rb") as file:
        return mmap(file.fileno(), 0, access=ACCESS_READ)


def _write(out: BinaryIO, rows: Iterator[dict[str, Any]]) -> None:
    encode = msgspec.json.Encoder().encode
    pending: list[bytes] = []
    for row in rows:
        pending.append(encode(row))
        if len(pending) == _WRITE_ROWS:
            out.write(b"\n".join(pending) + b"\n")
            pending.clear()
    if pending:
        out.write(b"\n".join(pending) + b"\n")


def _rows(run: _Run, entry: Entry) -> Iterator[dict[str, Any]]:
    """The one row of a request; none or two only where the behaviour says so."""
    name = cast("str", entry.custom_id)
    luck = _Luck(*draws(run.job.seed, run.job.salt, name))
    result = _result(run, name, cast("Raw", entry.params), luck)
    row = {"custom_id": name, "result": result}
    if luck.missing >= run.job.behaviour.missing:
        yield row
    if luck.duplicated < run.job.behaviour.duplicated:
        yield row


def _result(run: _Run, name: str, raw: Raw, luck: _Luck) -> dict[str, Any]:
    ending, behaviour = run.job.ending, run.job.behaviour
    reached = luck.reached < ending.share
    if ending.rest == "canceled" and not reached:
        run.counts.canceled += 1
        return {"type": "canceled"}
    if (ending.rest == "expired" and not reached) or luck.failed < behaviour.expired:
        run.counts.expired += 1
        return {"type": "expired"}
    if luck.failed < behaviour.expired + behaviour.errored:
        return _errored(run, InternalError("Internal server error"), identifier("workerreq", run.job.salt, name))
    return _answered(run, name, raw, luck)


def _answered(run: _Run, name: str, raw: Raw, luck: _Luck) -> dict[str, Any]:
    body = bytes(raw)
    try:
        prompt = read_prompt(read_params(body), run.terms, _Readable(run, luck))
    except ApiError as error:
        return _errored(run, error, None)
    reply = answer(prompt, Setting(run.job.seed, name, run.terms, run.job.behaviour, run.job.salt, run.job.words))
    run.counts.succeeded += 1
    if prompt.marks:
        _remember(run, prompt)
    run.bill.add(prompt.shape.model, "batch", prompt.split, reply.output_tokens, billed=reply.billed)
    if reply.billed:
        content = content_digest(body)
        run.contents.append(content)
        run.requests.append(digest(name, content))
    return {"type": "succeeded", "message": reply.message}


class _Readable:
    """The cached prefixes one row finds: those warm before the batch, and those its own batch wrote, each with luck."""

    def __init__(self, run: _Run, luck: _Luck) -> None:
        self._warm = run.warm if luck.cache < run.job.behaviour.cache_hit else ()
        self._fresh = run.written if luck.cold_cache < run.job.behaviour.cold_cache_hit else ()

    def __contains__(self, prefix: object) -> bool:
        return prefix in self._warm or prefix in self._fresh


def _errored(run: _Run, error: ApiError, request_id: str | None) -> dict[str, Any]:
    run.counts.errored += 1
    error.details = _USER_FACING
    return {"type": "errored", "error": error.envelope(request_id)}


def _remember(run: _Run, prompt: Prompt) -> None:
    if len(run.written) < MAX_ENTRIES:
        run.written.update(prompt.written)
