"""Airflow's notifiers, called with what the report of a run says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_claude.errors import JobError, without_secrets

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

#: One of Airflow's, or a function of a task's context.
Notifier: TypeAlias = Callable[[Any], object]


def checked_notifiers(notify: Notifier | Sequence[Notifier] | None) -> tuple[Notifier, ...]:
    """*notify* as a tuple. Raises JobError for what cannot be called."""
    found = () if notify is None else tuple(notify) if isinstance(notify, list | tuple) else (notify,)
    for one in found:
        if not callable(one):
            raise JobError(
                f"notify is {one!r:.200}: write an Airflow notifier, such as SmtpNotifier(to=…), a function of the task's "
                "context, or a list of such."
            )
    return found


def call_notifiers(notifiers: Sequence[Notifier], context: Context, claude: Mapping[str, Any]) -> None:
    """Call each with the task's context, in which `claude` has what templates name. One that fails is logged."""
    for one in notifiers:
        try:
            copy(one)({**context, "claude": claude})  # a notifier renders its templates in place
        except Exception as error:
            log.exception(
                "The notifier %s failed. The run goes on.", type(one).__name__, exc_info=without_secrets(error)
            )
