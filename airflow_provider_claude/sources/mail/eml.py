"""Files of one mail each, known by their path in the folder: `.eml`, Apple's `.emlx`, Outlook's `.msg`, those of a Maildir."""

from __future__ import annotations

import re

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.sources.files.file import SourceFile, UnreachableError, is_broken_content, meaning
from airflow_provider_claude.sources.files.magic_bytes import HEAD, OUTLOOK, kind_of
from airflow_provider_claude.sources.mail import outlook
from airflow_provider_claude.sources.mail.mail_row import MAX_MAIL, mail_row, too_large
from airflow_provider_claude.sources.mail.mbox import are_several
from airflow_provider_claude.sources.rows.batches import Row, Wanted, broken, region

#: Most mails are smaller, in bytes: room for the largest is not set aside for each.
_USUAL = 1 << 16

#: How an `.emlx` begins: the number of bytes of the mail, which a property list follows.
_EMLX = re.compile(rb"[ \t]{0,20}(\d{1,12})[ \t]{0,20}\r?\n")

#: What follows it.
_PROPERTIES = re.compile(rb"\s{0,99}(?:<\?xml|<!DOCTYPE|<plist|bplist|\Z)")


def row(file: SourceFile, wanted: Wanted) -> Row:
    try:
        with file.open_any() as stream:
            raw = stream.read(_USUAL)
            if len(raw) == _USUAL:
                raw += stream.read(MAX_MAIL + 1 - _USUAL)
    except UnreachableError as e:
        return region(f"{file.name}#1", "unreadable_file", f"mails are missing ({e}).", None)
    except Exception as e:
        if not is_broken_content(e):
            raise
        return broken(file.name, "unreadable_file", f"the file cannot be read ({meaning(e)}).")
    return _row(raw, file, wanted)


def _row(raw: bytes, file: SourceFile, wanted: Wanted) -> Row:
    kind = kind_of(raw[:HEAD])
    if kind == OUTLOOK:
        return _outlook_row(raw, file.name, wanted)
    if kind is not None:
        return broken(file.name, "unreadable_mail", f"the file is {kind}, not a mail.")
    if file.suffixes[0] == ".emlx":
        return _emlx_row(raw, file, wanted)
    if are_several(raw):
        what = 'the file holds several mails, as an mbox does: name it .mbox, or write source_format="mbox".'
        return broken(file.name, "unreadable_mail", what)
    found = mail_row(raw, file.name, wanted)
    if file.format is None and "no_headers" in found.flags:
        return broken(file.name, "unreadable_mail", "the file has neither the suffix nor a header of a mail.")
    return found


def _outlook_row(raw: bytes, ref: str, wanted: Wanted) -> Row:
    if len(raw) > MAX_MAIL:
        return too_large(ref)
    try:
        return mail_row(outlook.mail_of(raw), ref, wanted)
    except (ValueError, JobError) as e:
        return broken(ref, "unreadable_mail", f"the file cannot be read as an Outlook message ({e}).")


def _emlx_row(raw: bytes, file: SourceFile, wanted: Wanted) -> Row:
    begin = _EMLX.match(raw)
    if begin is None:
        return broken(
            file.name, "unreadable_mail", "the file does not begin with the length of the mail, as an .emlx does."
        )
    length = int(begin[1])
    mail = raw[begin.end() : begin.end() + length]
    if len(mail) < length and len(raw) <= MAX_MAIL:
        what = f"the file ends after {len(mail):,} of the {length:,} bytes of its mail: it was cut off."
        return broken(file.name, "unreadable_mail", what)
    if not _PROPERTIES.match(raw, begin.end() + length):
        what = f"the mail does not end after the {length:,} bytes that its first line says."
        return broken(file.name, "unreadable_mail", what)
    return mail_row(mail, file.name, wanted)
