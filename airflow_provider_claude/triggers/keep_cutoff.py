"""What to do when the cutoff of a shard comes before the end of its batch: the same for the trigger and the sensor."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.deadline.at_cutoff import Step
from airflow_provider_claude.errors import ClaudeError
from airflow_provider_claude.masking import masked
from airflow_provider_claude.triggers.warning import warn
from airflow_provider_claude.triggers.watch_cutoff import RETRY_SECONDS, Cutoff

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

#: Cancels the batch.
Cancel = Callable[[], Awaitable[object]]


async def keep_cutoff(
    cutoff: Cutoff, cancel: Cancel, *, listener: Mapping[str, Any] | None, log: Logger
) -> float | None:
    """Check *cutoff*, and do the step that is due: *cancel* the batch if it is proven the shard's, or leave it; warn *listener*.

    Returns the seconds until the next check of the cutoff, None to stop waiting for the batch.
    """
    try:
        step = await asyncio.to_thread(cutoff.look)
        if step is Step.WAIT:
            return cutoff.seconds
        await _act(cutoff, step, cancel, listener)
        log.info("Batch %s has not ended by its cutoff: %s", cutoff.batch_id, step.value)
    except (ClaudeError, OSError) as error:
        log.warning("Batch %s: its cutoff could not be handled yet: %s", cutoff.batch_id, masked(str(error)))
        return RETRY_SECONDS
    return None if step is Step.LEAVE else cutoff.seconds


async def _act(cutoff: Cutoff, step: Step, cancel: Cancel, listener: Mapping[str, Any] | None) -> None:
    try:
        if step is Step.CANCEL:
            await cancel()
            cutoff.is_over()
    except ClaudeError:
        cutoff.has_failed()
        raise
    finally:
        await warn(cutoff.shard, listener)
