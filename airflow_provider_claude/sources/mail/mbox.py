"""An mbox file as a stream of mails, known by the file's name and their position in it, from 1.

A mail begins at a line `From `, an address and a date, with a header line below it: "From now on …" in a body begins none.
The date may be missing after a blank line, with one of the headers that deliveries put first below it. Where the first line
of the file has a date of another form, every `From …` after a blank line counts that has a header below.
`Content-Length` is honoured where it checks out: the next mail, or the end of the file, stands right behind that many
bytes. Writers put `>` before such lines in a mail; one of them is taken off. (RFC 4155; qmail's mbox(5))

Every byte of the file belongs to a mail, or to what stands before the first and is no mail, which is set aside. After a blank
line one fault is allowed: in the date, where there is an address and a time of day, or in the header below a right date. So a
damaged line costs no mail. Where the file ends in a line `From …` or in the headers of a mail, without a line end, it was cut,
and an unknown number of mails is lost.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import IO

from airflow_provider_claude.core.scan.lost_rows import UNREADABLE
from airflow_provider_claude.sources.files.file import SourceFile, is_broken_content, meaning
from airflow_provider_claude.sources.mail.mail_row import MAX_MAIL, mail_row
from airflow_provider_claude.sources.rows.batches import Row, Wanted, broken, region

_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)

#: Bytes read at a time, and the longest line `From …` with the name of the header below it.
_PIECE = 1 << 18
_MAX_LINE = 1_000

#: Headers in which `Content-Length` is looked for, in bytes.
_MAX_HEAD = 1 << 18

_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DATE = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) {1,3}" + _MONTH + rb" {1,3}\d{1,2} {1,3}\d{1,2}:\d\d"
    rb"|\d{1,2}[ -]" + _MONTH + rb"[ -]\d{2,4},? {1,3}\d{1,2}:\d\d"
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d"
)
_HEADER = rb">?[A-Za-z][\w.-]{0,70}[ \t]{0,8}:"
_LINE = re.compile(rb"From ([^\r\n]{0,%d})(?:\r\n|\n|\r)(?=%b)" % (_MAX_LINE - 100, _HEADER))
_IS_MAIL = re.compile(rb"From |" + _HEADER)
_PATCH = re.compile(rb"From [0-9a-f]{6,64} Mon Sep 17 00:00:00 2001")
_UNDATED = re.compile(
    rb"From [^\s@]{1,200}@[^\s@]{1,200}[ \t]{0,8}(?:\r\n|\n|\r)"
    rb"(?=(?:Return-Path|Received|From|Date|Delivered-To|Message-ID|X-[\w-]{1,70}):)",
    re.IGNORECASE,
)
#: Such lines with a fault: in the date, with a header below; or in that header, with the next one below it.
_FAULTY_DATE = re.compile(rb"From [^\r\n@]{1,200}@[^\r\n]{1,200}\d\d:\d\d[^\r\n]{0,200}(?:\r\n|\n|\r)(?=%b)" % _HEADER)
_FAULTY_HEADER = re.compile(rb"From ([^\r\n]{1,400})(?:\r\n|\n|\r)[^\r\n]{1,400}(?:\r\n|\n|\r)(?=%b)" % _HEADER)

#: How a file ends that was cut in such a line, and a mail that was cut in its headers.
_CUT_LINE = re.compile(rb"\n\r?\nFrom (?:[^\r\n@]{1,200}@[^\r\n]{0,200}|\S{0,200})\Z")
_CUT_HEAD = re.compile(rb"From [^\r\n]{0,900}(?:\r?\n[^\r\n]+)*\Z")
_BLANKS = re.compile(rb"[\r\n]*")
_LEADING = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n|\r\r|[\r\n]From ")
_LENGTH = re.compile(rb"[\r\n]Content-Length:[ \t]{0,8}(\d{1,12})[ \t]{0,8}[\r\n]", re.IGNORECASE)


def rows(file: SourceFile, wanted: Wanted) -> Iterator[Row]:
    for number, raw in enumerate(_mails_or_error(file), 1):
        ref = f"{file.name}#{number}"
        if isinstance(raw, Exception):
            yield region(ref, UNREADABLE, f"the file cannot be read from mail {number} on ({meaning(raw)}).", None)
        elif not _IS_MAIL.match(raw):
            what = "what stands before the first line 'From …' with an address and a date has no header of a mail."
            yield broken(ref, "unreadable_mail", what)
        else:
            row = mail_row(_QUOTED.sub(rb"\1", raw.rstrip(b"\r\n")), ref, wanted)
            yield row._replace(flags=(*row.flags, "mail_in_mail")) if _holds_another(raw) else row


def _holds_another(raw: bytes) -> bool:
    """Whether a mail holds what may begin another: a patch, what is forwarded, or a line `From …` of an unknown form."""
    return any(raw[line.start() - 1] in b"\r\n" for line in _LINE.finditer(raw, 1))


def are_several(raw: bytes) -> bool:
    """Whether *raw*, a file that should be one mail, is an mbox of more."""
    may_be = _is_begun(raw[:_MAX_LINE]) and (b"\nFrom " in raw or b"\rFrom " in raw)
    return may_be and len(list(islice(mails(io.BytesIO(raw)), 2))) > 1


def begins(file: SourceFile) -> bool:
    """Whether *file* begins as an mbox does."""
    try:
        with file.open_plain() as stream:
            return _is_begun(stream.read(_MAX_LINE))
    except Exception as e:
        if not is_broken_content(e):
            raise
        return False


def _is_begun(start: bytes) -> bool:
    return _LEADING.sub(b"", start, count=1).startswith(b"From ")


def _mails_or_error(file: SourceFile) -> Iterator[bytes | Exception]:
    """The mails of *file*; where it breaks off, those before and the error."""
    try:
        with file.open_plain() as stream:
            yield from _uncut(mails(stream))
    except Exception as e:
        if not is_broken_content(e):
            raise
        yield e


def _uncut(found: Iterator[bytes]) -> Iterator[bytes]:
    """The mails *found*. Raises EOFError behind them where the last was cut in its headers, or before them."""
    last = b""
    try:
        for raw in found:
            if last:
                yield last
            last = raw
    except Exception:
        if last:
            yield last
        raise
    cut = None if last.endswith((b"\n", b"\r")) else _CUT_LINE.search(last, max(0, len(last) - _MAX_LINE))
    whole = (
        last[: cut.start()] if cut else b"" if _CUT_HEAD.fullmatch(last) and not last.endswith((b"\n", b"\r")) else last
    )
    if whole:
        yield whole
    if whole != last:
        raise EOFError("it ends inside the headers of a mail: it was cut")


def mails(stream: IO[bytes]) -> Iterator[bytes]:
    """The mails as they lie in *stream*, each with its `From ` line and cut one byte past MAX_MAIL.

    Raises EOFError where the lengths of all mails are right, but for the last, which ends before its own does.
    """
    window = _Window(stream)
    while window.has(1):
        mail = window.take(window.declared())
        if mail.strip(b"\r\n"):
            yield mail
    window.check_end()


class _Window:
    """The bytes of a stream from some place on, as many as were needed so far.

    Lines without a date begin mails where the first line does, and so do those of patches (git-format-patch(1)), which have
    the date of no mail.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._bytes, self._ended = stream, bytearray(), False
        self._right = self._wrong = self._short = 0
        self.drop(self.matched(_LEADING))
        self._loose = self._patches = True
        self._loose = self.is_boundary(0) and _DATE.search(self._bytes, 0, self.matched(_LINE)) is None
        self._patches = _PATCH.match(self._bytes) is not None

    def has(self, count: int) -> bool:
        """Whether there are *count* bytes more; they are read."""
        while len(self._bytes) < count and not self._ended:
            piece = self._stream.read(max(_PIECE, count - len(self._bytes)))
            self._ended = not piece
            self._bytes += piece
        return len(self._bytes) >= count

    def drop(self, count: int) -> None:
        del self._bytes[:count]

    def matched(self, pattern: re.Pattern[bytes], start: int = 0) -> int:
        """The end of what *pattern* matches at *start*; *start* where it does not."""
        self.has(start + _MAX_LINE)
        found = pattern.match(self._bytes, start)
        return found.end() if found else start

    def is_boundary(self, start: int) -> bool:
        """Whether a mail begins at *start*, the beginning of a line. Without a date it has to follow a blank line."""
        self.has(start + _MAX_LINE)
        line = _LINE.match(self._bytes, start)
        if line is not None and _DATE.search(line[1]):
            return self._patches or _PATCH.match(self._bytes, start) is None
        if not self._is_after_blank(start):
            return False
        if line is None:
            faulty = _FAULTY_HEADER.match(self._bytes, start)
            return faulty is not None and b"@" in faulty[1] and _DATE.search(faulty[1]) is not None
        return self._loose or any(kind.match(self._bytes, start) for kind in (_UNDATED, _FAULTY_DATE))

    def _is_after_blank(self, start: int) -> bool:
        before = bytes(self._bytes[max(0, start - 4) : start])
        return before.endswith((b"\n\n", b"\n\r\n", b"\r\r")) or not before

    def declared(self) -> int | None:
        """Where the mail that begins the window ends by its `Content-Length`, if that checks out."""
        self._short = 0
        self.has(_MAX_HEAD)
        head = _END_OF_HEAD.search(self._bytes, 0, _MAX_HEAD)
        length = _LENGTH.search(self._bytes, 0, head.start() + 1) if head else None
        if head is None or head[0].endswith(b"From ") or length is None or int(length[1]) > MAX_MAIL:
            return None
        end = head.end() + int(length[1])
        if not self.has(end):
            self._short = max(
                0, end - len(self._bytes) - len(b"\r\n")
            )  # an editor may have taken off the last line end
            return None
        behind = self.matched(_BLANKS, end)
        ends = not self.has(behind + 1) or (self._starts_line(behind) and self.is_boundary(behind))
        self._right, self._wrong = self._right + ends, self._wrong + (not ends)
        return behind if ends else None

    def check_end(self) -> None:
        if self._short and self._right and not self._wrong:
            raise EOFError(f"it ends {self._short:,} bytes before its last mail does")

    def _starts_line(self, start: int) -> bool:
        return self._bytes[start - 1] in b"\r\n"

    def take(self, declared: int | None) -> bytes:
        """The mail that begins the window: up to where it is *declared* to end, else to the next boundary."""
        end = declared or self._next()
        mail = bytes(self._bytes[: min(end, MAX_MAIL + 1)])
        self.drop(end)
        return mail

    def _next(self) -> int:
        """Where the next mail begins, or the stream ends. Of a mail that is too large, the middle is dropped as it comes."""
        start = 1
        while self.has(start + 1):
            offset = self._bytes.find(b"From ", start)
            if offset < 0:
                start = max(start, len(self._bytes) - len(b"From "))
                if not self.has(len(self._bytes) + 1):
                    return len(self._bytes)
                start = self._thinned(start)
            elif self._starts_line(offset) and self.is_boundary(offset):
                return offset
            else:
                start = offset + 1
        return len(self._bytes)

    def _thinned(self, start: int) -> int:
        """Drop what lies between MAX_MAIL and *start*, and say where *start* is then."""
        spare = start - 4 - (MAX_MAIL + 1)
        if spare <= 0:
            return start
        del self._bytes[MAX_MAIL + 1 : MAX_MAIL + 1 + spare]
        return start - spare
