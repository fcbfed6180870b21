"""Warns, once per run, that its deadline is at risk: it has abandoned its first batch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.times import clock_in
from airflow_provider_claude.errors import without_secrets
from airflow_provider_claude.notify import NOTIFY_SECONDS, Listener, send_alert
from airflow_provider_claude.runtime.now import epoch_now
from airflow_provider_claude.runtime.paths import shard_folder

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.core.deadline.at_risk import AtRisk

log = logging.getLogger(__name__)


async def warn(shard: str | None, listener: Mapping[str, Any] | None) -> None:
    """Notify *listener* (the fields of a `Listener`) that a batch of *shard* (a path) was abandoned, once per run. Raises
    nothing: the wait for the batch continues.
    """
    try:
        at_risk = None if shard is None else await asyncio.to_thread(_first, shard)
        if at_risk is None:
            return
        if listener is None:
            zone = await asyncio.to_thread(_zone, shard)
            log.warning("Deadline at risk: %s. %s", shard, at_risk.sentences(clock_in(zone)))
            return
        whom = Listener(**listener)
        async with asyncio.timeout(NOTIFY_SECONDS):
            await send_alert(whom.at_risk_alert(at_risk), whom.notify)
    except Exception as error:
        log.exception(
            "The alert that the deadline of %s is at risk could not be sent", shard, exc_info=without_secrets(error)
        )


def warn_if_left(shard: str, context: Context, *, notify: bool = True) -> None:
    """Notify the listener of *context*, or only log, where an attempt of *shard* (a path) was abandoned at its cutoff."""
    names = shard_folder(shard).names()
    if any(name.endswith(".abandoned.json") for name in names):
        listener = Listener.of(context) if notify else None
        asyncio.run(warn(shard, None if listener is None else asdict(listener)))


def _zone(shard: str | None) -> str:
    """The zone in which times of the run of *shard* are shown."""
    plan = None if shard is None else shard_folder(shard).run.plan()
    return "UTC" if plan is None else plan.zone


def _first(shard: str) -> AtRisk | None:
    from airflow_provider_claude.stages.deadline.record_at_risk import first_at_risk

    return first_at_risk(shard_folder(shard).run, now=epoch_now())
