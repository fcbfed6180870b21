"""What the first bytes of a file say it is, whatever its name says.

The signatures are those of the formats' own specifications, as `file(1)` knows them. Only what no text of a table or
of a mail begins with has a name here; anything else is None, and its reader decides.
"""

from __future__ import annotations

import re

#: This many bytes from the start decide the kind: a tar archive has its mark at byte 257.
HEAD = 512

ZIP = "a zip archive or an Office document"
TAR = "a tar archive"
PARQUET = "Parquet"
OUTLOOK = "an Outlook message or an old Office document"

#: Compressed streams that are read wherever they are found, and the suffix they usually have.
_COMPRESSED = {b"\x1f\x8b\x08": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}

_SIGNATURES = (
    (rb"PK(?:\x03\x04|\x05\x06|\x07\x08)", ZIP),
    (rb".{257}ustar", TAR),
    (rb"PAR[1E][\x00-\x08\x0e-\x1f]", PARQUET),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OUTLOOK),
    (rb"!BDN", "an Outlook data file (.pst)"),
    (rb"\x1f\x8b\x08", "compressed twice (gzip)"),
    (rb"\x28\xb5\x2f\xfd", "compressed twice (Zstandard)"),
    (rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", "compressed as bzip2"),
    (rb"\xfd7zXZ\x00", "compressed as xz"),
    (rb"\x04\x22\x4d\x18", "compressed as LZ4"),
    (rb"Dovecot-LZ4\r\x2a\x9b\xc5", "compressed as Dovecot's LZ4"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (rb"Rar!\x1a\x07", "a RAR archive"),
    (rb"Obj\x01", "Avro"),
    (rb"ARROW1\x00\x00", "an Arrow file"),
    (rb"SQLite format 3\x00", "an SQLite database"),
    (rb"%PDF-\d", "a PDF document"),
    (rb"\{\\rtf\d", "an RTF document"),
    (rb"\x89PNG\r\n\x1a\n|GIF8[79]a|\xff\xd8\xff", "a picture"),
    (rb"(?i:(?:\xef\xbb\xbf)?\s{0,200}<(?:!doctype\s+html|html[\s>]))", "an HTML page"),
    (rb"(?:\xef\xbb\xbf)?\s{0,200}<\?xml\s", "an XML document"),
)

#: All signatures at once, each a group; its number is that of the signature, from 1.
_ANY = re.compile(b"|".join(b"(%b)" % pattern for pattern, _ in _SIGNATURES), re.DOTALL)


def compression_of(head: bytes) -> str | None:
    """The suffix, `.gz` or `.zst`, of what a file that begins with *head* is compressed as."""
    return next((suffix for magic, suffix in _COMPRESSED.items() if head.startswith(magic)), None)


def kind_of(head: bytes) -> str | None:
    """What a file that begins with *head* is, in words, where it is neither a text nor a mail."""
    found = _ANY.match(head)
    return _SIGNATURES[found.lastindex - 1][1] if found and found.lastindex else None
