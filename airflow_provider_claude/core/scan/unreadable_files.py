"""What a scan does about a file that cannot be read whole, so that the number of lost rows is unknown."""

from __future__ import annotations

from typing import Literal, get_args

from airflow_provider_claude.errors import JobError

#: `fail`: the scan fails. `quarantine`: the run continues without the lost rows, and its report says so.
UnreadableFiles = Literal["fail", "quarantine"]


def check_unreadable(value: UnreadableFiles) -> UnreadableFiles:
    """*value*. Raises JobError unless it is one of UnreadableFiles."""
    if value not in get_args(UnreadableFiles):
        raise JobError(f"unreadable_files is {value!r}: write 'fail', or 'quarantine' to continue without such files.")
    return value
