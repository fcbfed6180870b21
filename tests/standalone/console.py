"""What a browser complains about, on our pages and on Airflow's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_claude.plugin.urls import PREFIX

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, WebError


class Console:
    """The errors of all pages of a browser: *ours* are those of this package's pages and files, *airflows* all others."""

    def __init__(self, context: BrowserContext) -> None:
        self.ours: list[str] = []
        self.airflows: list[str] = []
        context.on("console", self._said)
        context.on("weberror", self._raised)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(message.location["url"], message.text)

    def _raised(self, web: WebError) -> None:
        self._note(web.error.stack or "", web.error.message)

    def _note(self, where: str, what: str) -> None:
        (self.ours if f"{PREFIX}/" in where else self.airflows).append(f"{where}: {what}")
