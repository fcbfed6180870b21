"""A folder of `.eml` files, one mail each, known by their path in the folder."""

from __future__ import annotations

from airflow_provider_claude.sources.files import SourceFile, is_broken_content
from airflow_provider_claude.sources.mail import read_mail
from airflow_provider_claude.sources.rows import Row, Wanted, broken, named

#: The largest mail that is read, in bytes.
MAX_MAIL = 25 << 20

#: Lines of such a mail: attachments of that size have 350,000. Each line is looked at by itself.
MAX_LINES = 500_000


def row(file: SourceFile, wanted: Wanted) -> Row:
    try:
        with file.open_plain() as stream:
            raw = stream.read(MAX_MAIL + 1)
    except Exception as e:
        if not is_broken_content(e):
            raise
        return broken(file.name, "unreadable_file", f"the file cannot be read ({e}).")
    return mail_row(raw, file.name, wanted)


def mail_row(raw: bytes, ref: str, wanted: Wanted) -> Row:
    """The mail *raw* as a row named *ref*, unless the wanted id is one of its columns."""
    if len(raw) > MAX_MAIL:
        return broken(ref, "oversize", f"the mail is larger than {MAX_MAIL:,} bytes.")
    if raw.count(b"\n") > MAX_LINES:
        return broken(ref, "oversize", f"the mail has more than {MAX_LINES:,} lines.")
    try:
        fields, flags, hidden = read_mail(raw)
    except Exception as e:  # noqa: BLE001 - the last resort: whatever a mail makes it raise costs that mail alone
        return broken(ref, "unreadable_mail", type(e).__name__)
    return named(wanted, ref, fields, flags)._replace(hidden=hidden or None)
