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
from airflow_provider_claude.simulator.model.label_noise import LabelNoise
from airflow_provider_claude.simulator.model.prompt import Prompt, read_prompt
from airflow_provider_claude.simulator.model.prompt_cache import MAX_ENTRIES
from airflow_provider_claude.simulator.model.request_params import Terms, read_params
from airflow_provider_claude.simulator.model.sentiment import WORD_LIMIT
from airflow_provider_claude.simulator.world.batch_life import Counts, Ending
from airflow_provider_claude.simulator.world.ledger import Bill

#: Rows collected before each write.
_WRITE_ROWS = 256
#: Simulated seconds until what a request wrote can be found by others of its batch.
_ANSWER_SECONDS = 2.0
_USER_FACING = {"error_visibility": "user_facing"}


class SettleJob(Struct, kw_only=True):
    """Everything needed to end one batch. Paths are those of its folder's files.

    *warm*: the prefixes that were cached when it *started*, and when they are gone; in simulated seconds.
    """

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
    warm: dict[int, float]
    started: float
    words: int = WORD_LIMIT
    label_noise: LabelNoise = LabelNoise()


class Settled(Struct, kw_only=True):
    """How a batch ended. *cached*: the prefixes that it wrote or read, and when they are gone."""

    counts: Counts
    bill: Bill
    cached: dict[int, float]


class _Luck(NamedTuple):
    """The draws of one row in its batch, each from 0 to 1."""

    reached: float
    failed: float
    missing: float
    duplicated: float
    cache: float
    cold_cache: float


class _Start(NamedTuple):
    """When a request starts, in simulated seconds, and its luck."""

    at: float
    luck: _Luck


@dataclass(slots=True)
class _Run:
    """The state of one settlement."""

    job: SettleJob
    terms: Terms
    counts: Counts = field(default_factory=Counts)
    bill: Bill = field(default_factory=Bill)
    contents: array[int] = field(default_factory=lambda: array("Q"))
    requests: array[int] = field(default_factory=lambda: array("Q"))
    cached: dict[int, float] = field(default_factory=dict)
    readable: dict[int, float] = field(default_factory=dict)


def settle(job: SettleJob) -> Settled:
    """Write the results of a batch; they appear under their name only when complete."""
    run = _Run(job, Terms("batch", job.version, tuple(job.betas)), cached=dict(job.warm))
    part = Path(job.results + ".part")
    entries = read_entries(map_file(job.requests))
    Random(digest(job.seed, job.salt, "order")).shuffle(entries)
    started = zip(entries, _starts(job, len(entries)), strict=True)
    with part.open("wb") as out:
        _write(out, (row for entry, at in started for row in _rows(run, entry, at)))
    _write_digests(job.billed_contents, run.contents)
    _write_digests(job.billed_requests, run.requests)
    part.replace(job.results)
    return Settled(counts=run.counts, bill=run.bill, cached=run.cached)


def _starts(job: SettleJob, requests: int) -> Iterator[float]:
    """When each request starts: one after the other from the start of the batch to its end."""
    return (job.started + (job.ending.at - job.started) * number / requests for number in range(requests))


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


def _rows(run: _Run, entry: Entry, at: float) -> Iterator[dict[str, Any]]:
    """The one row of a request; none or two only where the behaviour says so."""
    name = cast("str", entry.custom_id)
    luck = _Luck(*draws(run.job.seed, run.job.salt, name))
    result = _result(run, name, cast("Raw", entry.params), _Start(at, luck))
    row = {"custom_id": name, "result": result}
    if luck.missing >= run.job.behaviour.missing:
        yield row
    if luck.duplicated < run.job.behaviour.duplicated:
        yield row


def _result(run: _Run, name: str, raw: Raw, start: _Start) -> dict[str, Any]:
    ending, behaviour, luck = run.job.ending, run.job.behaviour, start.luck
    reached = luck.reached < ending.share
    if ending.rest == "canceled" and not reached:
        run.counts.canceled += 1
        return {"type": "canceled"}
    if (ending.rest == "expired" and not reached) or luck.failed < behaviour.expired:
        run.counts.expired += 1
        return {"type": "expired"}
    if luck.failed < behaviour.expired + behaviour.errored:
        return _errored(run, InternalError("Internal server error"), identifier("workerreq", run.job.salt, name))
    return _answered(run, name, raw, start)


def _answered(run: _Run, name: str, raw: Raw, start: _Start) -> dict[str, Any]:
    body = bytes(raw)
    try:
        prompt = read_prompt(read_params(body), run.terms, _Readable(run, start))
    except ApiError as error:
        return _errored(run, error, None)
    job = run.job
    setting = Setting(job.seed, name, run.terms, job.behaviour, job.salt, job.words, job.label_noise, start.at)
    reply = answer(prompt, setting)
    run.counts.succeeded += 1
    if prompt.marks:
        _remember(run, prompt, start.at)
    geo = prompt.params.inference_geo
    run.bill.add(prompt.shape.model, "batch", prompt.split, reply.output_tokens, billed=reply.billed, geo=geo)
    if reply.billed:
        content = content_digest(body)
        run.contents.append(content)
        run.requests.append(digest(name, content))
    return {"type": "succeeded", "message": reply.message}


class _Readable:
    """The cached prefixes one request finds: those warm before the batch, and those its own batch wrote, each with luck.

    It finds none that was last used longer ago than it lasts, and none whose writer has not answered yet.
    """

    def __init__(self, run: _Run, start: _Start) -> None:
        behaviour = run.job.behaviour
        self._run, self._at = run, start.at
        self._finds_warm = start.luck.cache < behaviour.cache_hit
        self._finds_own = start.luck.cold_cache < behaviour.cold_cache_hit

    def __contains__(self, prefix: object) -> bool:
        if self._run.cached.get(cast("int", prefix), 0.0) <= self._at:
            return False
        readable = self._run.readable.get(cast("int", prefix))
        return self._finds_warm if readable is None else self._finds_own and readable <= self._at


def _errored(run: _Run, error: ApiError, request_id: str | None) -> dict[str, Any]:
    run.counts.errored += 1
    error.details = _USER_FACING
    return {"type": "errored", "error": error.envelope(request_id)}


def _remember(run: _Run, prompt: Prompt, at: float) -> None:
    """Note what a request that started *at* wrote or read. Where a batch takes no time, its requests find it at once."""
    answered = at + (_ANSWER_SECONDS if run.job.ending.at > run.job.started else 0.0)
    for prefix, gone in prompt.cached(at).items():
        if run.cached.get(prefix, 0.0) <= at and len(run.cached) < MAX_ENTRIES:
            run.readable[prefix] = answered
        if prefix in run.cached or len(run.cached) < MAX_ENTRIES:
            run.cached[prefix] = max(gone, run.cached.get(prefix, 0.0))
