"""Every error this package raises on purpose. Whether a retry can help is the type.

    ClaudeError
    ├── Terminal                 a retry would fail the same way; a person must change something
    │   ├── JobError             the job cannot be asked as written (also a ValueError)
    │   ├── SourceError          the source is missing or cannot be read as what it is said to be
    │   ├── StateError           the run folder contradicts itself or this task; nothing was guessed
    │   ├── HoldError            a batch may have been paid for and cannot be identified; a person decides
    │   ├── HopelessError        every row of a shard fails in the same way; sending it again would only cost
    │   ├── DestinationError     a folder cannot be written, or its rows may not be replaced
    │   ├── LedgerError          the rows do not add up, or too many of them failed
    │   ├── RequestRejectedError the API says the request itself is wrong (4xx)
    │   ├── WorkspaceError       a setting of the organization or workspace stands in the way; an admin changes it
    │   │   └── BatchesRefusedError  Message Batches are not open to this key or workspace; the Messages API may be
    │   ├── CredentialsError     the API does not accept the key (401, 403)
    │   └── BillingError         no credit, or a spend limit is reached (402, some 400 and 429)
    └── Transient                the same call may well succeed later
        ├── ApiUnavailableError  overload, 5xx, no connection
        │   └── UnknownFateError the connection was lost or the server stumbled: the call may have been carried out
        ├── RateLimitedError     429 with room later
        ├── StoreError           a folder could not be reached or written this time
        ├── NotFoundYetError     404 on a batch that should exist; just after create this is a blip
        └── PendingError         an earlier sender or batch has to end first; this is not an error
            ├── NoRoomError      a shard waits until batches before it have left the account's queue
            └── IncompleteError  the results of a batch are not whole yet; they are read again in a while

A message says what happened, what may still be billing, and what a retry will do. No message holds a secret, and none that
stands in the chain of causes of an error that leaves a task does: see `without_secrets`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow_provider_claude.masking import masked


class ClaudeError(Exception):
    """The root: anything this package raises on purpose. Its message is masked."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*(masked(one) if isinstance(one, str) else one for one in args))


class Terminal(ClaudeError):
    """A retry would fail the same way."""


class JobError(Terminal, ValueError):
    """The job cannot be asked as written; the message says what to write instead."""


class SourceError(Terminal):
    """The source is missing, or is not what it is said to be."""


class StateError(Terminal):
    """The run folder contradicts itself or this task."""


class HoldError(Terminal):
    """A batch may have been paid for and cannot be identified among others: a person decides."""


class HopelessError(Terminal):
    """No row of a shard can succeed as the run is; nothing more is sent."""


class DestinationError(Terminal):
    """The work folder or the output cannot be written, or the rows in it are not this run's to replace."""


class LedgerError(Terminal):
    """The rows do not add up, or more of them failed than the thresholds allow."""


class RequestRejectedError(Terminal):
    """The API says the request itself is wrong. *error_type* and *detail* are the API's words for it, if any."""

    def __init__(self, message: str, error_type: str | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.error_type = error_type
        self.detail = detail


class WorkspaceError(Terminal):
    """A setting of the organization or the workspace stands in the way; an admin has to change it."""


class BatchesRefusedError(WorkspaceError):
    """The API takes no Message Batch with this key, in this workspace, or for this model."""


class CredentialsError(Terminal):
    """The API does not accept the key, or (*forbidden*) accepts it and does not let it do this."""

    def __init__(self, message: str, *, forbidden: bool = False) -> None:
        super().__init__(message)
        self.forbidden = forbidden


class BillingError(Terminal):
    """There is no credit, or a spend limit is reached."""


class Transient(ClaudeError):
    """The same call may well succeed later. *retry_after*: seconds the API asked for, if it did."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[type[Transient], tuple[str, float | None]]:
        return type(self), (str(self), self.retry_after)


class ApiUnavailableError(Transient):
    """The API answered 5xx or 529, timed out, or could not be reached."""


class UnknownFateError(ApiUnavailableError):
    """The call may have been carried out, and paid for, although no answer says so."""


class RateLimitedError(Transient):
    """The API has no room now."""


class StoreError(Transient):
    """A folder could not be reached, or not be written, for a reason that may pass."""


class NotFoundYetError(Transient):
    """The API does not know the batch; just after its creation or its end this passes by itself."""


class PendingError(Transient):
    """Something else has to end first, in about *retry_after* seconds; this is not an error."""


class NoRoomError(PendingError):
    """The account's queue has no room for a shard now. It may wait *waves* times as long as for one batch."""

    def __init__(self, message: str, retry_after: float | None = None, waves: int = 1) -> None:
        super().__init__(message, retry_after)
        self.waves = waves

    def __reduce__(self) -> tuple[type[NoRoomError], tuple[str, float | None, int]]:  # type: ignore[override]
        return type(self), (str(self), self.retry_after, self.waves)


class IncompleteError(PendingError):
    """The results of an ended batch are not whole, or not to be had; they are read again in about *retry_after* seconds."""


class MaskedError(Transient):
    """Stands for an error of another library whose message held a secret."""


def without_secrets(error: Exception) -> Exception:
    """*error*; without its causes if one of them shows a secret; a masked error instead of it if it shows one itself.

    Airflow writes the messages of an error and of all its causes into the log.
    """
    links = list(_chain(error, set()))
    if all(masked(text) == text for text in map(_text, links)):
        return error
    links_text = ", caused by ".join(f"{type(link).__name__}: {masked(_text(link))}" for link in links)
    if isinstance(error, ExceptionGroup) or masked(_text(error)) != _text(error):
        return MaskedError(links_text)
    error.__cause__ = error.__context__ = None
    error.add_note(links_text)
    return error


def _chain(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    """*error*, what it was raised from, or while handling, and what it groups."""
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    for link in (before, *getattr(error, "exceptions", ())):
        if isinstance(link, BaseException):
            yield from _chain(link, seen)


def _text(error: BaseException) -> str:
    return "\n".join([str(error), *getattr(error, "__notes__", ())])
