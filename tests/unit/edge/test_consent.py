from __future__ import annotations

import pytest

from offer_ranking.edge.consent import Consent, cookie_name, is_out, read_consent


def test_the_cookie_is_named_by_the_organisation() -> None:
    assert cookie_name("ORG@AdobeOrg") == "kndctr_ORG_AdobeOrg_consent"


@pytest.mark.parametrize(
    ("cookie", "xdm", "out"),
    [
        (None, {}, False), ("general=in", {}, False), ("general=out", {}, True), ("general=outer", {}, False),
        ("other=in;general=out", {}, True), (None, {"consents": {"collect": {"val": "n"}}}, True),
        (None, {"consents": {"collect": {"val": "y"}}}, False), ("general=out", {"consents": {"collect": "y"}}, True),
    ],
)  # fmt: skip
def test_out_is_who_says_so_by_cookie_or_event(cookie: str | None, xdm: dict[str, object], out: bool) -> None:
    assert is_out(cookie, xdm) is out


def test_of_several_consents_the_last_counts() -> None:
    preferences = {"collect": {"val": "n"}, "metadata": {"time": "t"}}
    sent = [
        {"standard": "Adobe", "version": "1.0", "value": {"general": "in"}},
        {"standard": "Adobe", "version": "2.0", "value": preferences},
    ]
    assert read_consent(sent) == Consent("out", preferences)
    assert read_consent(sent).cookie_value == "general=out"
    assert read_consent(sent[:1]) == Consent("in")


def test_who_is_still_to_be_asked_has_said_nothing() -> None:
    pending = [{"standard": "Adobe", "version": "2.0", "value": {"collect": {"val": "p"}}}]
    assert read_consent(pending).general == ""
