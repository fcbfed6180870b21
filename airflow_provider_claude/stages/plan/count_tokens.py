"""How many tokens the requests of a run have: as earlier runs of the job measured, else a sample that the API counts."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Protocol

from airflow_provider_claude.core.cost.tokens import TokenModel
from airflow_provider_claude.core.requests.request_bytes import RequestEncoder
from airflow_provider_claude.errors import ClaudeError
from airflow_provider_claude.store import AccountFolder, RunFolder, ScanRecord, TokensRecord
from airflow_provider_claude.store.items import read_items

_log = logging.getLogger(__name__)

#: How many requests are counted, spread over the run.
_SAMPLE = 8


class Api(Protocol):
    """What sampling needs of the gateway."""

    def count_tokens(self, params: bytes) -> int: ...


def known_tokens(work: AccountFolder, job: str) -> TokenModel | None:
    """The token model that earlier runs of the job with the hash *job* have measured."""
    record: TokensRecord | None = work.tokens(job)
    if record is None:
        return None
    return TokenModel(input_per_byte=record.input_per_byte, output=record.output_tokens, measured=True)


def sampled(run: RunFolder, scan: ScanRecord, encoder: RequestEncoder, api: Api, model: TokenModel) -> TokenModel:
    """*model* with the input tokens that the API counts in a sample. Where it cannot be asked, *model* as it is."""
    size = tokens = 0
    try:
        for ordinal in sorted({scan.items * n // _SAMPLE for n in range(_SAMPLE)} if scan.items else ()):
            for batch in read_items(run, scan, ordinal, ordinal + 1, encoder.columns):
                for params in map(encoder.request, encoder.of_batch(batch)):
                    size += len(params)
                    tokens += api.count_tokens(params)
    except ClaudeError as error:
        _log.warning("The tokens of a sample could not be counted, so the estimate does without: %s", error)
        return model
    return replace(model, input_per_byte=tokens / size, measured=True) if tokens else model
