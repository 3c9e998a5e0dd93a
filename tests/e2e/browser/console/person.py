"""Somebody at the console, who sees and clicks; and what went wrong meanwhile."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page

from infra.local import ROOT

MANAGER, READER, GUEST = "manager@local", "reader@local", "guest@local"
AXE = ROOT / ".venvs" / "axe-core" / "axe.min.js"


@dataclass  # without slots: Playwright hangs its own things on whom it calls
class Person:
    """A page of the console, used by roles and labels as people use it."""

    page: Page
    url: str
    trouble: list[str] = field(default_factory=list)

    @classmethod
    @contextlib.contextmanager
    def at(cls, browser: Browser, url: str, **context: Any) -> Iterator[Self]:
        """Somebody who has opened the console. Fails in the end where the page said that something went wrong."""
        settings = {"viewport": {"width": 1440, "height": 900}, "permissions": ["clipboard-write"], **context}
        with contextlib.closing(browser.new_context(**settings)) as made:
            person = cls(made.new_page(), url)
            person.page.set_default_timeout(15_000)
            person.page.on("console", person._hear)
            person.page.on("pageerror", lambda error: person.trouble.append(f"uncaught: {error}"))
            person.page.goto(f"{url}/console/")
            yield person
            assert not person.trouble, person.trouble

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.trouble.append(f"{message.type}: {message.text}")

    def sign_in(self, name: str = MANAGER) -> Self:
        self.button("Sign in").click()
        self.page.get_by_role("button", name=name).click()
        self.page.get_by_text(name).first.wait_for()
        return self

    def go(self, path: str) -> None:
        """To a page of the console by its address."""
        self.page.goto(f"{self.url}/console/#/{path}")

    def menu(self, name: str) -> None:
        self.page.get_by_role("navigation", name="Components").get_by_role("link", name=name, exact=True).click()
        self.heading(name).wait_for()

    def heading(self, name: str) -> Locator:
        return self.page.get_by_role("heading", level=1, name=name, exact=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def link(self, name: str) -> Locator:
        return self.page.get_by_role("link", name=name, exact=True)

    def field(self, label: str) -> Locator:
        """A control by its label, without the remark that it may stay empty."""
        return self.page.get_by_label(re.compile(rf"^\s*{re.escape(label)}\s*(optional)?\s*$"))

    def option(self, label: str) -> Locator:
        """A box or a button to choose by; what is said of it may follow its label."""
        name = re.compile(rf"^{re.escape(label)}")
        return self.page.get_by_role("checkbox", name=name).or_(self.page.get_by_role("radio", name=name))

    def choice(self, label: str) -> Locator:
        """A list to choose one of."""
        return self.page.get_by_role("combobox", name=re.compile(rf"^{re.escape(label)}"))

    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def table(self, caption: str) -> list[dict[str, str]]:
        """What a table shows, a row as its cells by their headings."""
        table = self.page.get_by_role("table", name=caption)
        table.wait_for()
        read = "t => [...t.rows].map(r => [...r.cells].map(c => c.innerText.replace(/[▲▼]/g, '').trim()))"
        heads, *rows = table.evaluate(read)
        return [dict(zip(heads, row, strict=False)) for row in rows]

    def id(self) -> str:
        """Of the definition whose page this is."""
        return self.page.url.split("#/")[1].split("/")[1]

    def violations(self) -> list[str]:
        """What axe-core finds on the page as it is."""
        before = len(self.trouble)
        self.page.evaluate(AXE.read_text(encoding="utf-8"))  # not by a script element: the policy forbids those
        found = self.page.evaluate("axe.run().then(({ violations }) => JSON.stringify(violations))")
        del self.trouble[before:]  # what axe-core tries with styles, the policy forbids
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in json.loads(found)
            for node in one["nodes"]
        ]
