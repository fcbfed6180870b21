"""The directives of the pages. Each makes Markdown from the code, and hands it to the parser of the page."""

from __future__ import annotations

from collections.abc import Callable

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from docs.ext import commands, modules, parameters, settings, tree


class _Made(SphinxDirective):
    """Markdown that `make` makes of the words after the name of the directive."""

    optional_arguments = 9
    make: Callable[..., str]

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(type(self).make(*self.arguments), allow_section_headings=True)


def _directive(make: Callable[..., str]) -> type[SphinxDirective]:
    return type("Made", (_Made,), {"make": staticmethod(make)})


def _parameters(path: str) -> str:
    return parameters.as_markdown(parameters.find(path))


def _commands() -> str:
    from airflow_provider_claude.cli.main import build_parser

    return commands.as_markdown(build_parser())


def _tree(depth: str, under: str = "") -> str:
    return f"```text\n{tree.as_text(modules.read(), int(depth), under)}\n```"


DIRECTIVES = {
    "parameters": _directive(_parameters),
    "commands": _directive(_commands),
    "tree": _directive(_tree),
    "settings": _directive(settings.as_markdown),
}
