"""Print the tree of the package, and draw which of its rooms import which.

python -m docs.map                                  the tree, two names deep
python -m docs.map --under stages --depth 2         the tree of one room
python -m docs.map --under stages --draw out.svg    a drawing
python -m docs.map --revision v0.1.0 …              the same of a revision in git
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from docs.ext import drawing, modules, tree


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--revision", help="a revision in git (default: the files of this checkout)")
    parser.add_argument("--under", default="", help="a room, such as stages or core.scan")
    parser.add_argument("--depth", type=int, default=2, help="names below that room (default: %(default)s)")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="write the drawing into this SVG")
    args = parser.parse_args()
    found = modules.read(args.revision)
    if args.draw:
        title = f"{modules.PACKAGE} {args.under}".strip()
        args.draw.write_text(drawing.as_svg(tree.rooms(found, args.under), title), "utf-8")
    else:
        sys.stdout.write(tree.as_text(found, args.depth, args.under) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
