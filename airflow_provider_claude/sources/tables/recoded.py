"""Files in UTF-16 or UTF-32, read as UTF-8: in these sets a line end is no byte, so that lines cannot be cut before."""

from __future__ import annotations

import codecs
import io
from typing import IO, cast

from airflow_provider_claude.sources.charset.decoding import lookup

#: Byte order marks, the longer one of two that begin alike first.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}

_WIDE = {
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "utf_32": "utf-32-le",
    "utf_32_le": "utf-32-le",
    "utf_32_be": "utf-32-be",
}

_CHUNK = 1 << 16


def wide_set(stream: IO[bytes], encoding: str | None) -> str | None:
    """The wide set *stream* is in: by its byte order mark or by where its first NULs are, else as *encoding* says."""
    head = cast("io.BufferedReader", stream).peek(4)[:4]
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    if encoding is not None and (declared := _WIDE.get(lookup(encoding) or "")):
        return declared
    match [byte == 0 for byte in head]:
        case [False, True, False, True]:
            return "utf-16-le"
        case [True, False, True, False]:
            return "utf-16-be"
        case _:
            return None


def utf8(stream: IO[bytes], charset: str) -> IO[bytes]:
    """What *stream* holds in the wide set *charset*, as UTF-8. What is no character becomes U+FFFD."""
    return io.BufferedReader(_Recoded(stream, charset), _CHUNK)


class _Recoded(io.RawIOBase):
    """The bytes of a stream, from one character set into UTF-8."""

    def __init__(self, stream: IO[bytes], charset: str) -> None:
        self._stream, self._decoder = stream, codecs.getincrementaldecoder(charset)("replace")
        self._left, self._started = b"", False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._left:
            self._left = self._more()
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)

    def _more(self) -> bytes:
        """The next bytes; none at the end."""
        while data := self._stream.read(_CHUNK):
            if text := self._text(data):
                return text
        return self._text(b"", final=True)

    def _text(self, data: bytes, *, final: bool = False) -> bytes:
        text = self._decoder.decode(data, final)
        if not self._started and text:
            self._started, text = True, text.removeprefix("\ufeff")
        return text.encode("utf-8", "replace")
