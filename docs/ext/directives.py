"""The directives of the pages. Each makes Markdown from the code, and hands it to the parser of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from docs.ext import parameters


class Made(SphinxDirective):
    """Markdown that a function makes from the arguments of the directive."""

    optional_arguments = 9

    def make(self, arguments: Sequence[str]) -> str:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(self.make(self.arguments))


class Parameters(Made):
    """```{parameters} airflow_provider_claude.operators.plan.ClaudePlanOperator```"""

    def make(self, arguments: Sequence[str]) -> str:
        return parameters.as_markdown(parameters.find(arguments[0]))


DIRECTIVES: dict[str, Callable[..., SphinxDirective]] = {"parameters": Parameters}
