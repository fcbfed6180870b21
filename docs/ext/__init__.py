"""The Sphinx extension of the site. What a page lists of the code is made from the code, so that it is written once."""

from __future__ import annotations

from typing import Any

from docs.ext.directives import DIRECTIVES


def setup(app: Any) -> dict[str, Any]:
    """Register the directives; Sphinx calls this."""
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
