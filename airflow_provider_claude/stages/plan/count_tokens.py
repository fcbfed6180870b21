"""How many tokens the requests of a run have: as earlier runs of the job measured, else a sample that the API counts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

from airflow_provider_claude.core.cost.tokens import Counted, TokenModel
from airflow_provider_claude.errors import ClaudeError
from airflow_provider_claude.store import AccountFolder, TokensRecord

_log = logging.getLogger(__name__)


class Api(Protocol):
    """What sampling needs of the gateway."""

    def count_tokens(self, params: bytes) -> int: ...


def known_tokens(work: AccountFolder, job: str) -> TokenModel | None:
    """The token model that earlier runs of the job with the hash *job* have measured."""
    record: TokensRecord | None = work.tokens(job)
    if record is None:
        return None
    return TokenModel(
        input_per_byte=record.input_per_byte,
        tool_tokens=record.tool_tokens,
        output=record.output_tokens,
        measured=True,
    )


def sampled(sample: Iterable[tuple[bytes, bool]], api: Api, model: TokenModel) -> TokenModel:
    """*model* with the input tokens that the API counts in a *sample*: parameters, and whether the row is in a tool result.

    Where the API cannot be asked, *model* as it is.
    """
    counted = {False: Counted(), True: Counted()}
    try:
        for params, in_result in sample:
            counted[in_result] = counted[in_result].plus(len(params), api.count_tokens(params))
    except ClaudeError as error:
        _log.warning("The tokens of a sample could not be counted, so the estimate does without: %s", error)
        return model
    return model.fitted(counted[False], counted[True])
