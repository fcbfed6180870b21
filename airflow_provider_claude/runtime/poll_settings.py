"""How often a batch is looked at: the deployment's floor, and the operator's interval."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import conf

from airflow_provider_claude.core.submit.polling import POLL_CEILING, POLL_FLOOR, check_interval
from airflow_provider_claude.job.numbers import number


def poll_floor() -> float:
    """The least seconds between two looks at a batch: `[claude] poll_floor`."""
    return number("[claude] poll_floor", conf.getfloat("claude", "poll_floor", fallback=POLL_FLOOR), 0, POLL_CEILING)


def poll_interval_of(seconds: object) -> float:
    """*seconds* as a `poll_interval`. Raises JobError for an invalid value, or one below the floor."""
    return check_interval(seconds, poll_floor())
