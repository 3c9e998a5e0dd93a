from __future__ import annotations

import base64
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.events.mail_link import InvalidLinkError, LinkKind, LinkMaker, is_address, read_link
from offer_ranking.events.token import Token, TokenKey, TokenKeys, sign
from offer_ranking.events.uuid7 import uuid7

NEW, OLD = TokenKey("k2", b"n" * 32), TokenKey("k1", b"o" * 32)
KEYS = TokenKeys(NEW, OLD)
EDGE = "https://abcdefghij.execute-api.eu-central-1.amazonaws.com/ee"
SHOP = "https://shop.example/summer?utm_source=mail&utm_campaign=2026-11"
NOW_MS = 1_796_000_000_000
ALPHABET = string.ascii_letters + string.digits + "-_."


def token(**fields: Any) -> Token:
    known = {
        "proposition": uuid7(NOW_MS), "issued_ms": NOW_MS, "model": uuid7(NOW_MS), "snapshot_version": 7,
        "traffic_type": "noncontextual", "cell": "", "offers": (("summer", 0.25),), "datastream": uuid7(NOW_MS),
        "visitor": "v" * 16,
    }  # fmt: skip
    return Token(**known | fields)


def opened(key: TokenKey = NEW, **fields: Any) -> str:
    return sealed(LinkMaker(EDGE, key).open_url(sign(token(**fields), key)))


def clicked(address: str = SHOP, key: TokenKey = NEW, **fields: Any) -> str:
    return sealed(LinkMaker(EDGE, key).click_url(sign(token(**fields), key), address))


def sealed(url: str) -> str:
    return url.rpartition("/")[2]


@pytest.mark.parametrize("key", [NEW, OLD], ids=["current key", "the one before"])
def test_a_link_says_what_was_signed(key: TokenKey) -> None:
    served = token()
    text = sign(served, key)
    click = read_link(LinkKind.CLICK, sealed(LinkMaker(EDGE, key).click_url(text, SHOP)), KEYS)
    assert (click.token, click.text, click.address) == (served, text, SHOP)
    image = read_link(LinkKind.OPEN, sealed(LinkMaker(EDGE, key).open_url(text)), KEYS)
    assert (image.token, image.text, image.address) == (served, text, "")


def test_links_lie_at_the_door_of_browsers() -> None:
    text = sign(token(), NEW)
    assert LinkMaker(EDGE, NEW).open_url(text).startswith(f"{EDGE}/v1/open/{text}.")
    assert LinkMaker(EDGE + "/", NEW).click_url(text, SHOP).startswith(f"{EDGE}/v1/click/{text}.")


def test_links_of_usual_ids_stay_below_two_thousand_characters() -> None:
    usual = {
        "offers": (("xcore:personalized-offer:1234567890abcdef", 0.123456789),),
        "etags": ("2026-11-28T10:57:49Z",),
        "cell": '{"a":["vip","newsletter","lapsed"],"c":{"xdm.device.type":"mobile","xdm.geo.countryCode":"DE"}}',
        "datastream": "12345678-90ab-cdef-1234-567890abcdef:prod",
    }
    text = sign(token(**usual), NEW)
    address = "https://www.shop.example/offers/summer-sale?" + "&".join(
        f"utm_parameter_{n}=some-value" for n in range(12)
    )
    assert 350 < len(address) < 400
    assert len(LinkMaker(EDGE, NEW).open_url(text)) < 800
    assert len(LinkMaker(EDGE, NEW).click_url(text, address)) < 1400


@pytest.mark.parametrize("kind", LinkKind)
def test_a_link_that_a_dead_key_signed_is_none(kind: LinkKind) -> None:
    dead = TokenKey("k0", b"d" * 32)
    with pytest.raises(InvalidLinkError):
        read_link(kind, (opened if kind is LinkKind.OPEN else clicked)(key=dead), KEYS)


def test_no_change_of_one_character_is_a_link() -> None:
    good = clicked()
    for place in range(len(good)):
        for other in ("A", "B", ".", "_", ""):
            bad = good[:place] + other + good[place + 1 :]
            if bad != good:
                with pytest.raises(InvalidLinkError):
                    read_link(LinkKind.CLICK, bad, KEYS)


def test_a_cut_link_is_none() -> None:
    good = clicked()
    for length in range(len(good)):
        with pytest.raises(InvalidLinkError):
            read_link(LinkKind.CLICK, good[:length], KEYS)


def test_neither_kind_of_link_makes_the_other_nor_does_a_token_make_any() -> None:
    text = sign(token(), NEW)
    address = base64.urlsafe_b64encode(SHOP.encode()).decode().rstrip("=")
    payload, _, signature = text.partition(".")
    for kind, bad in [
        (LinkKind.CLICK, opened()),
        (LinkKind.OPEN, clicked()),
        (LinkKind.OPEN, text),
        (LinkKind.OPEN, f"{text}.{signature}"),
        (LinkKind.CLICK, f"{text}.{address}.{signature}"),
        (LinkKind.CLICK, f"{payload}.{address}.{signature}"),
    ]:
        with pytest.raises(InvalidLinkError):
            read_link(kind, bad, KEYS)


def test_parts_of_two_links_make_none() -> None:
    token_of_one, signature_of_one, address_of_one, seal_of_one = clicked().split(".")
    token_of_other, signature_of_other, address_of_other, _ = clicked(
        "https://evil.example/", offers=(("b", 1.0),)
    ).split(".")
    for parts in (
        (token_of_one, signature_of_one, address_of_other, seal_of_one),
        (token_of_other, signature_of_other, address_of_one, seal_of_one),
        (token_of_one, signature_of_other, address_of_one, seal_of_one),
    ):
        with pytest.raises(InvalidLinkError):
            read_link(LinkKind.CLICK, ".".join(parts), KEYS)


@given(st.text(ALPHABET, max_size=400))
def test_what_nobody_signed_is_no_link(text: str) -> None:
    for kind in LinkKind:
        with pytest.raises(InvalidLinkError):
            read_link(kind, text, KEYS)


@pytest.mark.parametrize("text", ["", ".", "...", "\ud800.a.b", "ü.a.b", "a.b.c" * 20_000, "a\0.b.c", "%2e.%2e"])
def test_no_text_breaks_it(text: str) -> None:
    for kind in LinkKind:
        with pytest.raises(InvalidLinkError):
            read_link(kind, text, KEYS)


@pytest.mark.parametrize("said", ["", "x.y", "no token"])
def test_a_signature_over_no_token_is_no_link(said: str) -> None:
    with pytest.raises(InvalidLinkError):
        read_link(LinkKind.OPEN, sealed(LinkMaker(EDGE, NEW).open_url(said)), KEYS)


@pytest.mark.parametrize("address", ["!", "A", "aHR0cDovL_8", "amF2YXNjcmlwdDphbGVydCgxKQ"])
def test_an_address_that_a_former_version_would_have_signed_leads_nowhere(address: str) -> None:
    said = f"{sign(token(), NEW)}.{address}"
    bad = sealed(LinkMaker(EDGE, NEW)._url(LinkKind.CLICK, said))
    with pytest.raises(InvalidLinkError):
        read_link(LinkKind.CLICK, bad, KEYS)


BAD_ADDRESSES = [
    "javascript:alert(1)", "data:text/html,x", "//evil.example/", "/path", "ftp://a.example/", "https:evil.example",
    "https://", "https:///evil.example", "https://?a", "https://a.example/\r\nSet-Cookie: a=b", "https://a.example/ b",
    "https://a.example/\0", "https://a.example/ü", "\nhttps://a.example/", "https://a.example/\n", " https://a.example/",
    "HTTPS://a.example/", "https://\\evil.example", "https://a.example/" + "x" * 2048, "",
]  # fmt: skip


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_no_link_is_made_to_what_is_no_address(address: str) -> None:
    assert not is_address(address)
    with pytest.raises(ValueError, match="no address"):
        clicked(address)


@pytest.mark.parametrize(
    "address",
    [SHOP, "http://a.example", "https://a.example:8443/?q=%0d%0a#x", pytest.param("https://[::1]/", id="IPv6")],
)
def test_a_link_is_made_to_an_address(address: str) -> None:
    assert read_link(LinkKind.CLICK, clicked(address), KEYS).address == address


def test_addresses_of_every_length_and_end_are_read_as_they_were_written() -> None:
    for end in ("", *ALPHABET, *(letter * n for letter in "~X=" for n in range(2, 9))):
        address = f"https://a.example/{end}"
        link = clicked(address)
        assert "=" not in link
        assert read_link(LinkKind.CLICK, link, KEYS).address == address


def test_an_address_may_have_2048_characters_and_no_more() -> None:
    longest = "https://a.example/".ljust(2048, "x")
    assert read_link(LinkKind.CLICK, clicked(longest), KEYS).address == longest
    assert not is_address(longest + "x")


@pytest.mark.parametrize("edge", ["https://edge.example/X", "https://edge.example/X/"])
def test_a_door_is_named_with_or_without_its_last_slash(edge: str) -> None:
    assert LinkMaker(edge, NEW).open_url("t").startswith("https://edge.example/X/v1/open/t.")
