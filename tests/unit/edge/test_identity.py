from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.edge.identity import cookie_name, cookie_value, ecid_of_cookie, ecid_of_map, fresh_ecid

ADOBES = "CiY0MjI5Njk0Njk1MTc0MTMxMTQwMjAwMDc2OTQ2NzI5Njg0Njg2OFISCILg3fygNBABGAEqBUxPQ0FM8AGC4N38oDQ"
# Two environments restored from the image of one that has imported all and answered nothing.
RESTORED = """
import json, os
from offer_ranking.edge.identity import fresh_ecid
from offer_ranking.events.uuid7 import uuid7
from offer_ranking.ranking import ranking
found = []
for _ in range(2):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, json.dumps([fresh_ecid(), uuid7(1), ranking._stream().random()]).encode())
        os._exit(0)
    os.wait()
    found.append(json.loads(os.read(reading, 10_000)))
print(json.dumps(found))
"""


def test_an_ecid_has_38_digits_and_nobody_else_has_it() -> None:
    found = {fresh_ecid() for _ in range(1000)}
    assert len(found) == 1000
    assert all(len(ecid) == 38 and ecid.isdecimal() for ecid in found)


def test_a_cookie_says_what_was_put_into_it_and_adobes_too() -> None:
    ecid = fresh_ecid()
    assert ecid_of_cookie(cookie_value(ecid)) == ecid
    theirs = "42296946951741311402000769467296846868"
    assert ecid_of_cookie(ADOBES) == theirs
    assert ADOBES.startswith(cookie_value(theirs)[:53])


@given(st.text(max_size=100))
def test_any_other_cookie_says_nothing(value: str) -> None:
    assert ecid_of_cookie(value) is None


@pytest.mark.parametrize(
    "xdm", [{}, {"identityMap": None}, {"identityMap": {"ECID": {}}}, {"identityMap": {"ECID": [{"id": "1"}, "x"]}}]
)
def test_a_map_without_an_ecid_says_nothing(xdm: dict[str, object]) -> None:
    assert ecid_of_map(xdm) is None


def test_the_first_good_ecid_of_a_map_is_taken() -> None:
    ids = [{"id": "x"}, {"id": "1" * 38}, {"id": "2" * 38}]
    assert ecid_of_map({"identityMap": {"email": [{"id": "e"}], "ECID": ids}}) == "1" * 38


def test_the_cookie_is_named_by_the_organisation() -> None:
    assert cookie_name("ORG@AdobeOrg") == "kndctr_ORG_AdobeOrg_identity"


def test_environments_restored_from_one_image_make_other_ids_and_draw_other_numbers() -> None:
    environment = {"PYTHONPATH": "shared"}
    done = subprocess.run([sys.executable, "-c", RESTORED], check=True, capture_output=True, env=environment)
    first, second = json.loads(done.stdout)
    assert all(one != other for one, other in zip(first, second, strict=True))
