"""Mails whose text is wrapped in a format of its own: an opaque S/MIME signature, or `winmail.dat`.

What is in it takes the place of the part it came in. What cannot be read is a flag:

    encrypted       a part is encrypted, and not read
    wrapped_unread  a part of S/MIME, or a winmail.dat where there is no other text, holds nothing that could be read
"""

from __future__ import annotations

import email.policy
import io
from base64 import encodebytes
from collections.abc import Callable, Iterator
from email.generator import BytesGenerator
from email.message import Message
from email.parser import BytesParser
from typing import NamedTuple

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.sources.mail import smime, tnef

UNREAD = "wrapped_unread"

_SIGNS = (b"pkcs7-mime", b"ms-tnef", b"winmail.dat", b"smime.p7m", b"multipart/encrypted")

#: Wrappings in each other that are opened.
_DEPTH = 3

#: Parts, and nests of them, of which a mail is not opened: the parser takes time with the product.
_MAX_PARTS = 1_000
_MAX_NESTS = 50

_POLICY = email.policy.compat32


class Opened(NamedTuple):
    """A mail with what was wrapped in it, and the flags of what was not read."""

    raw: bytes
    flags: tuple[str, ...] = ()


def opened(raw: bytes) -> Opened:
    """*raw* without its wrapping. Raises JobError where the extra `mail` is needed and not installed."""
    flags: tuple[str, ...] = ()
    for _ in range(_DEPTH):
        if not _may_be_wrapped(raw):
            break
        once = _opened_once(raw)
        flags = tuple(dict.fromkeys([*flags, *once.flags]))
        if once.raw is raw:
            break
        raw = once.raw
    else:
        flags = (*flags, UNREAD)
    return Opened(raw, flags)


def _may_be_wrapped(raw: bytes) -> bool:
    low = raw.lower()
    return any(sign in low for sign in _SIGNS) and _is_bounded(low)


def _is_bounded(low: bytes) -> bool:
    return low.count(b"\n--") < _MAX_PARTS and low.count(b"boundary=") < _MAX_NESTS


def _opened_once(raw: bytes) -> Opened:
    try:
        message = BytesParser(policy=_POLICY).parsebytes(raw)
        changed, flags = _unwrap(message)
        return Opened(_written(message) if changed else raw, flags)
    except JobError:
        raise
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the parser and the writer raise whatever they trip over
        return Opened(raw, (UNREAD,))


def _unwrap(message: Message[str, str]) -> tuple[bool, tuple[str, ...]]:
    """Put what is wrapped in the parts of *message* in their place. Whether there was any, and flags."""
    changed, flags = False, ["encrypted"] if message.get_content_type() == "multipart/encrypted" else []
    parts = [part for part in message.walk() if not part.is_multipart()]
    has_text = any(_is_text(part) for part in parts)
    for part in parts:
        flag = None
        if _is_signed(part):
            done, flag = _replaced(part, smime.signed_entity)
        elif _is_tnef(part) and not has_text:
            done, flag = _replaced(part, tnef.entity_of)
        else:
            continue
        changed |= done
        flags += [flag] if flag else []
    return changed, tuple(flags)


def _is_text(part: Message[str, str]) -> bool:
    if part.get_content_maintype() != "text" or part.get_content_disposition() == "attachment":
        return False
    payload = part.get_payload(decode=True)
    return isinstance(payload, bytes) and bool(payload.strip())


def _is_signed(part: Message[str, str]) -> bool:
    kind = part.get_content_type()
    return kind in {"application/pkcs7-mime", "application/x-pkcs7-mime"} or _name(part).endswith(".p7m")


def _is_tnef(part: Message[str, str]) -> bool:
    return part.get_content_type() in {"application/ms-tnef", "application/vnd.ms-tnef"} or _name(part) == "winmail.dat"


def _name(part: Message[str, str]) -> str:
    return str(part.get_filename() or "").strip().lower()


def _replaced(part: Message[str, str], read: Callable[[bytes], bytes | None]) -> tuple[bool, str | None]:
    """Whether what *read* finds in *part* was put in its place, and the flag of what was not."""
    data = part.get_payload(decode=True)
    try:
        inner = read(data) if isinstance(data, bytes) else None
    except JobError:
        raise
    except smime.EncryptedError:
        return False, "encrypted"
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - readers of hostile bytes raise whatever they trip over
        return False, UNREAD
    if inner is None or not _is_bounded(inner.lower()):
        return False, UNREAD
    _put(part, BytesParser(policy=_POLICY).parsebytes(inner))
    return True, None


def _put(part: Message[str, str], found: Message[str, str]) -> None:
    """Make *part* what *found* is, but for headers that say nothing of its content."""
    for name in _content_headers(part):
        del part[name]
    for name in _content_headers(found):
        part[name] = found[name]
    if found.is_multipart():
        part.set_payload(found.get_payload())
        return
    del part["Content-Transfer-Encoding"]
    part["Content-Transfer-Encoding"] = "base64"
    data = found.get_payload(decode=True)
    part.set_payload(encodebytes(data if isinstance(data, bytes) else b"").decode("ascii"))


def _content_headers(part: Message[str, str]) -> Iterator[str]:
    return iter([name for name in part.keys() if name.lower().startswith("content-")])  # noqa: SIM118 - names repeat


def _written(message: Message[str, str]) -> bytes:
    stream = io.BytesIO()
    BytesGenerator(stream, mangle_from_=False, maxheaderlen=0, policy=_POLICY).flatten(message)
    return stream.getvalue()
