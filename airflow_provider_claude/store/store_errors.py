"""What an error of a store means: whether a file is absent or nothing is known of it, and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_claude.errors import ClaudeError, DestinationError, StoreError

if TYPE_CHECKING:
    from upath import UPath

#: The protocols of paths on a local disk.
LOCAL = frozenset({"", "file", "local"})

_REMEDIES = {
    errno.EACCES: "Let the workers' user write there, or choose another folder.",
    errno.EPERM: "Let the workers' user write there, or choose another folder.",
    errno.EROFS: "That file system is read-only: choose another folder.",
    errno.ENOTDIR: "There is a file where a folder has to be: choose another folder.",
    errno.EEXIST: "There is a file where a folder has to be: choose another folder.",
    errno.EISDIR: "There is a folder where a file has to be: choose another folder.",
    errno.ENOENT: "Create the bucket or the folder above it, or correct the path.",
    errno.ENAMETOOLONG: "Choose a shorter path.",
}

#: These may pass: the task's retries try again.
_LATER = {
    errno.ENOSPC: "The disk is full: free some space, or choose another folder.",
    errno.EDQUOT: "The quota is used up: free some space, or choose another folder.",
}

_NO_BUCKET = "Create the bucket or container, or correct the path or its connection."
_CREDENTIALS = "Renew the credentials of the connection that the path names, or of the environment where it names none."

#: What S3 and Azure call it where the whole bucket is missing
#: (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
#: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes).
_MISSING = frozenset({"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"})

#: And where it is the key or token that is not accepted.
_EXPIRED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidToken",
        "TokenRefreshRequired",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "RequestTimeTooSkewed",
        "AuthenticationFailed",
        "NoAuthenticationInformation",
    }
)


@contextmanager
def answering(what: str, path: UPath) -> Iterator[None]:
    """An error of an object store in this block says: "Cannot *what* *path*", and what to do. Those of a local disk pass.

    What is there or not there is an answer, unless the whole bucket is missing: then nothing is known of a file
    (DestinationError). Any other error is a StoreError: credentials can be renewed between two tries of a task.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as e:
        if _codes(e) & _MISSING:
            raise DestinationError(f"Cannot {what} {path}: its bucket or container does not exist. {_NO_BUCKET}") from e
        raise
    except (FileExistsError, NotImplementedError, ClaudeError):
        raise
    except Exception as e:
        if path.protocol in LOCAL:
            raise
        refused = _codes(e) & _EXPIRED or isinstance(e, PermissionError) or "Credentials" in type(e).__name__
        remedy = _CREDENTIALS if refused else "See that the store and its connection work."
        raise StoreError(f"Cannot {what} {path}: {_reason(e)}. {remedy} A retry goes on from what is on record.") from e


def of_store(error: Exception) -> Exception | None:
    """The store's own error, where *error* is what `answering` made of it."""
    cause = error.__cause__ if isinstance(error, StoreError | DestinationError) else None
    return cause if isinstance(cause, Exception) else None


def store_error(error: Exception, what: str) -> ClaudeError:
    """The error that says that *what* cannot be done, and what to do: Terminal where a person has to change something."""
    error = of_store(error) or error
    message, codes = f"Cannot {what}: {_reason(error)}. Nothing was sent.", _codes(error)
    if codes & _MISSING:
        return DestinationError(f"{message} {_NO_BUCKET}")
    if codes & _EXPIRED:
        return DestinationError(f"{message} {_CREDENTIALS}")
    number = _number(error) or 0
    if remedy := _REMEDIES.get(number):
        return DestinationError(f"{message} {remedy}")
    return StoreError(f"{message} {_LATER.get(number, 'See that the store and its connection work.')}")


def _reason(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return text.rstrip(".")


def _number(error: Exception) -> int | None:
    """The errno of *error*; stores raise the right types, often without a number."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    kinds = {
        PermissionError: errno.EACCES,
        FileNotFoundError: errno.ENOENT,
        NotADirectoryError: errno.ENOTDIR,
        FileExistsError: errno.EEXIST,
        IsADirectoryError: errno.EISDIR,
    }
    return next((number for kind, number in kinds.items() if isinstance(error, kind)), None)


def _codes(error: BaseException | None) -> frozenset[str]:
    """The codes that the service gave, in *error* and what it was raised from."""
    return frozenset(filter(None, map(_code, _causes(error))))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__


def _code(error: BaseException) -> str:
    """That of botocore's errors stands in their response, that of Azure's in `error_code`."""
    response = getattr(error, "response", None)
    said = response.get("Error") if isinstance(response, dict) else None
    code = said.get("Code") if isinstance(said, dict) else getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")
