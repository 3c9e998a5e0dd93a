"""What follows when somebody, or something, takes a link of a mail: an answer, and the events to be collected.

A click tells of an open as well: clients that show no images never load one, and a conversion without an impression
would count for more than it is. The image and the click carry one token, of which counting takes a display once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from offer_ranking.collecting.line import EMAIL
from offer_ranking.collecting.trust import MAIL_LIFE
from offer_ranking.events.instant import to_rfc3339
from offer_ranking.events.mail_link import InvalidLinkError, LinkKind, MailLink, read_link
from offer_ranking.events.proposition import proposition_of, step_of
from offer_ranking.events.proposition_event import DISPLAY, INTERACT
from offer_ranking.events.token import TokenKeys

# A GIF of one transparent pixel, 43 bytes.
PIXEL = base64.b64decode("R0lGODlhAQABAPAAAAAAAAAAACH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
_NEVER_KEPT = {"Cache-Control": "no-store"}
_CHANNEL = {"_id": "https://ns.adobe.com/xdm/channels/email", "_type": "https://ns.adobe.com/xdm/channel-types/email"}
_KINDS = {DISPLAY: "display", INTERACT: "interact"}

AUTOMATIC = (
    # What looks into mails before a person does: as "Bot clicks from security scanners: a field guide"
    # (live-direct-marketing.online) lists them, and Braze's documentation ("Bot click filtering").
    "barracuda", "mimecast", "proofpoint", "ciscosecureemail", "tmes/", "safelinks",
    "microsoft office existence discovery",
    # What previews links: Bing's webmaster guidelines, api.slack.com/robots, Meta's and X's pages on their crawlers,
    # and what others of their kind call themselves.
    "bingpreview", "skypeuripreview", "slackbot", "slack-imgproxy", "facebookexternalhit", "facebookcatalog",
    "whatsapp/", "telegrambot", "twitterbot", "linkedinbot", "discordbot", "snap url preview", "googlemessages/",
    "googlebot", "bingbot", "applebot",
    # Programs by the names that they give themselves unless they are told not to.
    "curl/", "wget/", "python-requests", "python-urllib", "python-httpx", "aiohttp", "go-http-client", "java/",
    "apache-httpclient", "libwww-perl", "node-fetch", "axios/", "headlesschrome", "phantomjs",
)  # fmt: skip
"""Parts of a User-Agent, in lower case, behind which nobody looks. Google's and Yahoo's image proxies are not among
them: they load what somebody looks at.
"""
# developer.mozilla.org (Sec-Purpose); Purpose and X-Purpose are Safari's and older Chrome's, X-Moz Firefox's.
_PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_AHEAD = ("prefetch", "prerender", "preview")


@dataclass(frozen=True, slots=True)
class MailAnswer:
    """The answer to a link, and what to collect of it.

    Args:
        status: of HTTP.
        headers: of the answer.
        body: bytes.
        datastream: where the events go; "" where there are none.
        events: for the Collector, whose tokens live as long as those of mails do (`MAIL_LIFE`).

    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    datastream: str = ""
    events: tuple[dict[str, Any], ...] = field(default=())


class FollowLink(Protocol):
    """What is done with a link, of one kind or the other."""

    def __call__(
        self, sealed: str, method: str, headers: Mapping[str, str], keys: TokenKeys | None, *, now_ms: int
    ) -> MailAnswer: ...


def open_mail(
    sealed: str, method: str, headers: Mapping[str, str], keys: TokenKeys | None, *, now_ms: int
) -> MailAnswer:
    """The image of an offer, whatever the link is worth: a mail must not look broken.

    Args:
        sealed: the last part of the path.
        method: of HTTP.
        headers: names in lower case.
        keys: the live ones, None where there are none, or they cannot be read.
        now_ms: milliseconds since 1970 UTC.

    """
    image = {**_NEVER_KEPT, "Content-Type": "image/gif"}
    try:
        link = None if keys is None else read_link(LinkKind.OPEN, sealed, keys)
    except InvalidLinkError:
        link = None
    if link is None or not _is_of_a_person(method, headers) or not _is_timely(link, now_ms):
        return MailAnswer(200, image, PIXEL)
    return MailAnswer(200, image, PIXEL, link.token.datastream, (_event(link, DISPLAY, now_ms),))


def click_mail(
    sealed: str, method: str, headers: Mapping[str, str], keys: TokenKeys | None, *, now_ms: int
) -> MailAnswer:
    """The way to the address that was signed, and to no other; arguments as of `open_mail`.

    A link leads there as long as a live key says that it is ours, and teaches for 30 days: whoever finds an old mail
    gets what it promised. While the keys cannot be read nobody knows where it leads: 503.
    """
    if keys is None:
        return _problem(503, "unavailable", "Try again in a moment", **{"Retry-After": "1"})
    try:
        link = read_link(LinkKind.CLICK, sealed, keys)
    except InvalidLinkError:
        return _problem(404, "not-found", "There is no such link")
    way = {**_NEVER_KEPT, "Location": link.address}
    if not _is_of_a_person(method, headers) or not _is_timely(link, now_ms):
        return MailAnswer(302, way)
    events = tuple(_event(link, event_type, now_ms) for event_type in (DISPLAY, INTERACT))
    return MailAnswer(302, way, b"", link.token.datastream, events)


def _is_of_a_person(method: str, headers: Mapping[str, str]) -> bool:
    """As far as it can be told: mail programs and browsers say what they are, and so do most that are neither."""
    agent = headers.get("user-agent", "").strip().lower()
    if method != "GET" or not agent or any(mark in agent for mark in AUTOMATIC):
        return False
    return not any(word in headers.get(name, "").lower() for name in _PURPOSES for word in _AHEAD)


def _is_timely(link: MailLink, now_ms: int) -> bool:
    return now_ms - link.token.issued_ms <= MAIL_LIFE / timedelta(milliseconds=1)


def _event(link: MailLink, event_type: str, now_ms: int) -> dict[str, Any]:
    """What a page would tell of it; the same link taken again is the same event."""
    token, kind = link.token, _KINDS[event_type]
    proposition = proposition_of(token, scope=token.model, step=step_of(token), algorithm="", etags={}, keys=None)
    own = {"eventToken": link.text, "channelType": EMAIL}
    details = proposition["scopeDetails"] | {"characteristics": proposition["scopeDetails"]["characteristics"] | own}
    items = [{"id": offer} for offer in token.given()]
    return {
        "_id": f"{link.text.rpartition('.')[2]}-{kind}",
        "timestamp": to_rfc3339(now_ms * 1000),
        "eventType": event_type,
        "channel": _CHANNEL,
        "_experience": {
            "decisioning": {
                "propositionEventType": {kind: 1},
                "propositions": [{**proposition, "scopeDetails": details, "items": items}],
            }
        },
    }


def _problem(status: int, slug: str, title: str, **headers: str) -> MailAnswer:
    document = {"type": f"urn:offer-ranking:problem:{slug}", "title": title, "status": status}
    told = {**_NEVER_KEPT, "Content-Type": "application/problem+json", **headers}
    return MailAnswer(status, told, json.dumps(document).encode())
