"""A real browser before the shop's pages: what it asked of the edge, what it was told, and what went wrong in it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebError, sync_playwright

from infra.local import ROOT, gateway
from infra.local.tls import Host, Pages, Upstream, chromium_arguments, fronting

SHOP, THIRD_PARTY, FIRST_PARTY = "www.shop.test", "edge.offers.test", "edge.shop.test"
SDK = ROOT / ".venvs" / "web-sdk"
PAGES = ROOT / "infra" / "local" / "pages"
# It speaks to nobody by itself.
_ALONE = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the edge and its answer; bodies are JSON, None where there is none."""

    path: str
    request_id: str
    headers: dict[str, str]
    body: Any
    status: int
    answer: Any

    @classmethod
    def of(cls, request: gateway.Request, response: gateway.Response) -> Self:
        return cls(
            path=request.path,
            request_id=dict(parse_qsl(request.query)).get("requestId", ""),
            headers={name.lower(): value for name, value in request.headers},
            body=json.loads(request.body) if request.body else None,
            status=response.status,
            answer=json.loads(response.body) if response.body else None,
        )

    def payloads(self, kind: str) -> list[Any]:
        """What the answer's handles of this type hold."""
        return [one for handle in self.answer["handle"] if handle["type"] == kind for one in handle["payload"]]


@dataclass(frozen=True, slots=True)
class Watched:
    """A host whose calls are kept, and not touched."""

    host: Host
    calls: list[Call]

    def answer(self, request: gateway.Request) -> gateway.Response:
        response = self.host.answer(request)
        self.calls.append(Call.of(request, response))
        return response


@dataclass  # without slots: Playwright hangs its own things on whom it calls
class Visitor:
    """Somebody with cookies and an internet address of their own."""

    agent: str
    page: Page
    _calls: list[Call]
    _said: list[str] = field(default_factory=list)
    _failed: list[Request] = field(default_factory=list)

    @classmethod
    def entering(cls, context: BrowserContext, agent: str, calls: list[Call]) -> Self:
        visitor = cls(agent, context.new_page(), calls)
        context.on("console", visitor._hear)
        context.on("weberror", visitor._catch)
        context.on("requestfailed", visitor._miss)
        return visitor

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._said.append(f"{message.type}: {message.text}")

    def _catch(self, error: WebError) -> None:
        self._said.append(f"uncaught: {error.error}")

    def _miss(self, request: Request) -> None:
        self._failed.append(request)

    def open(self, **asked: str | Sequence[str]) -> None:
        """Open the shop's page, which says what it can be asked."""
        self.page.goto(f"https://{SHOP}/?{urlencode(asked, doseq=True)}")

    def visit(self, **asked: str | Sequence[str]) -> None:
        """Open the shop's page, and stay until offers are shown and told of."""
        self.open(**asked)
        self.page.evaluate("shopReady")

    def click(self, number: int = 0) -> None:
        """Click the offer of this number on the page, and stay until the edge has answered: beacons have no promise."""
        with self.page.expect_response("**/ee/v1/**"):
            self.page.locator(f"#offer-{number}").click()

    def leave(self) -> None:
        """Follow the link to another page."""
        self.page.locator("#leave").click()
        self.page.wait_for_url("**/left.html")

    def consent(self, general: str) -> None:
        """Say in or out."""
        consent = [{"standard": "Adobe", "version": "1.0", "value": {"general": general}}]
        self.page.evaluate("consent => alloy('setConsent', { consent })", consent)

    def ecid(self) -> str:
        """Who the SDK takes the visitor for."""
        return str(self.page.evaluate("alloy('getIdentity').then(({ identity }) => identity.ECID)"))

    def log(self, what: str) -> list[dict[str, Any]]:
        """What the page says that it did of this kind: received, display, interact."""
        return [one for one in self.page.evaluate("shopLog") if one["what"] == what]

    def offers(self, what: str) -> list[str]:
        """The offers that the page says it showed (display), or saw clicked (interact)."""
        return [one["offer"] for one in self.log(what)]

    def scopes(self) -> list[str]:
        """What propositions were received for, by the last page."""
        return [proposition["scope"] for one in self.log("received") for proposition in one["propositions"]]

    def calls(self, path: str = "") -> list[Call]:
        """The calls of the edge so far, or those of paths that end so."""
        return [call for call in self._calls if call.headers["user-agent"] == self.agent and call.path.endswith(path)]

    def trouble(self) -> list[str]:
        """All that went wrong: messages of the console, uncaught errors, requests without an answer or with a bad one.

        A beacon of a page that is gone counts as failed in the browser, which no longer listens: the answer decides.
        """
        answered = {call.request_id for call in self.calls() if call.status < 300}
        unheard = [one for one in self._failed if not any(answer in one.url for answer in answered)]
        return [
            *self._said,
            *(f"{one.method} {one.url}: {one.failure}" for one in unheard),
            *(f"{call.status} of {call.path}: {call.answer}" for call in self.calls() if call.status not in {200, 204}),
        ]


@dataclass(frozen=True, slots=True)
class Street:
    """Where the shop is, and visitors come from."""

    browser: Browser
    calls: list[Call]
    agent: str

    @contextlib.contextmanager
    def visitor(self) -> Iterator[Visitor]:
        """Somebody who was never here."""
        agent = f"{self.agent} Visitor/{next(_numbers)}"
        with contextlib.closing(self.browser.new_context(user_agent=agent)) as context:
            yield Visitor.entering(context, agent, self.calls)


def chromium() -> str:
    """Where Chromium is. Skips the test where it, or the SDK, is not."""
    found = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if found is None or not (SDK / "alloy.min.js").exists():
        pytest.skip("there is no Chromium, or no Web SDK at .venvs/web-sdk: run `make test-browser`")
    return found


@contextlib.contextmanager
def street(edge_url: str) -> Iterator[Street]:
    """A browser, the shop's pages, and the edge at a URL of this machine under both of its names."""
    executable, calls = chromium(), list[Call]()
    edge = Watched(Upstream(edge_url), calls)
    hosts: dict[str, Host] = {SHOP: Pages((PAGES, SDK)), THIRD_PARTY: edge, FIRST_PARTY: edge}
    with fronting(hosts) as front, sync_playwright() as playwright:
        arguments = [*_ALONE, *chromium_arguments(hosts, front.server_port)]
        with contextlib.closing(playwright.chromium.launch(executable_path=executable, args=arguments)) as browser:
            with contextlib.closing(browser.new_page()) as page:
                agent = page.evaluate("navigator.userAgent")
            yield Street(browser, calls, agent)
