"""One mail as a row, within bounds."""

from __future__ import annotations

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.sources.mail.read_mail import read_mail
from airflow_provider_claude.sources.mail.wrapped import opened
from airflow_provider_claude.sources.rows.batches import Row, Wanted, broken, named

#: The largest mail that is read, in bytes.
MAX_MAIL = 25 << 20

#: Lines of such a mail: attachments of that size have 350,000. Each line is looked at by itself.
MAX_LINES = 500_000


def mail_row(raw: bytes, ref: str, wanted: Wanted) -> Row:
    """The mail *raw* as a row named *ref*, unless the wanted id is one of its columns."""
    if len(raw) > MAX_MAIL:
        return too_large(ref)
    if raw.count(b"\n") > MAX_LINES:
        return broken(ref, "oversize", f"the mail has more than {MAX_LINES:,} lines.")
    try:
        mail, unread = opened(raw)
        fields, flags, hidden = read_mail(mail)
    except JobError as e:
        return broken(ref, "unreadable_mail", str(e))
    except MemoryError:
        raise
    except Exception as e:  # noqa: BLE001 - the last resort: whatever a mail makes it raise costs that mail alone
        return broken(ref, "unreadable_mail", type(e).__name__)
    return named(wanted, ref, fields, (*flags, *unread))._replace(hidden=hidden or None)


def too_large(ref: str) -> Row:
    return broken(ref, "oversize", f"the mail is larger than {MAX_MAIL:,} bytes.")
