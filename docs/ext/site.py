"""The Sphinx extension: the directives, and the drawings of the package before the pages are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docs.ext import drawing, modules, tree
from docs.ext.directives import DIRECTIVES

#: The rooms that are drawn into `_build/map/` before the pages are read.
DRAWN = {"package": "", "stages": "stages"}


def setup(app: Any) -> dict[str, Any]:
    """Register the directives; Sphinx calls this."""
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
    app.connect("builder-inited", _draw)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _draw(app: Any) -> None:
    found, to = modules.read(), Path(app.srcdir) / "_build" / "map"
    to.mkdir(parents=True, exist_ok=True)
    for name, under in DRAWN.items():
        title = f"{modules.PACKAGE} {under}".strip()
        (to / f"{name}.svg").write_text(drawing.as_svg(tree.rooms(found, under), title), "utf-8")
