"""The text of Outlook's compressed RTF, through `compressed-rtf` and `striprtf`, within bounds.

Both take time with more than their input: what is larger than the bounds is not read.
"""

from __future__ import annotations

import re

from airflow_provider_claude.extras import need

#: The longest compressed RTF, RTF and table of fonts that are read, in bytes and characters.
_MAX_PACKED = 256 << 10
_MAX_TEXT = 1 << 20
_MAX_FONTS = 16 << 10

_FONTS = re.compile(r"\{[^{}]{0,100}\\fonttbl")


def text_of_rtf(packed: bytes) -> str:
    """The text of *packed*; blank where it is not RTF or larger than is read. Raises JobError without the extra `mail`."""
    need("mail", "The text of a mail of Outlook, which is RTF,")
    from compressed_rtf import decompress
    from striprtf.striprtf import rtf_to_text

    if len(packed) > _MAX_PACKED:
        return ""
    try:
        rtf = decompress(packed).decode("latin-1")
        if _is_too_large(rtf):
            return ""
        return str(rtf_to_text(_without_links(rtf), errors="replace"))  # type: ignore[no-untyped-call]  # it has no types
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - both raise whatever they trip over
        return ""


def _is_too_large(rtf: str) -> bool:
    fonts = _FONTS.search(rtf)
    return len(rtf) > _MAX_TEXT or (fonts is not None and "}}" not in rtf[fonts.end() : fonts.end() + _MAX_FONTS])


def _without_links(rtf: str) -> str:
    """*rtf*, with a line end, which says nothing, where striprtf's pattern for links would search line by line."""
    return rtf.replace("\\fldinst", "\\fldinst\n")
