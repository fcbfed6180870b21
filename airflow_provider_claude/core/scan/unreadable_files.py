"""What is done about a file that cannot be read whole, so that the number of rows lost with it is not known."""

from __future__ import annotations

from typing import Literal, get_args

from airflow_provider_claude.errors import JobError

#: `fail`: the scan fails. `quarantine`: the run goes on without what is lost, and its report says so.
UnreadableFiles = Literal["fail", "quarantine"]


def check_unreadable(value: UnreadableFiles) -> UnreadableFiles:
    """*value*. Raises JobError where it is none of UnreadableFiles."""
    if value not in get_args(UnreadableFiles):
        raise JobError(f"unreadable_files is {value!r}: write 'fail', or 'quarantine' to go on without such files.")
    return value
