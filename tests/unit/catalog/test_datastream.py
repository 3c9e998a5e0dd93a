from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from offer_ranking.catalog.datastream import (
    MOST_DECISIONS,
    AnswerStyle,
    Datastream,
    DatastreamEdit,
    NewDatastream,
    TokenMode,
    edit_datastream,
)
from offer_ranking.http.problem import pointer
from tests.support.decisions import NOW, a_datastream

BODY = {"name": "Web", "orgId": "ORG@AdobeOrg", "datasetId": "d"}


def test_unsigned_propositions_do_not_count_unless_somebody_says_so() -> None:
    datastream = a_datastream()
    assert (datastream.token_mode, datastream.answer_style) == (TokenMode.ENFORCE, AnswerStyle.EXD)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(given: str, kept: str) -> None:
    assert a_datastream(origins=(given,)).origins == (kept,)


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"origins": ["*"]}, "/origins/0"),
        ({"origins": ["https://shop.example/"]}, "/origins/0"),
        ({"origins": ["https://shop.example/path"]}, "/origins/0"),
        ({"origins": ["shop.example"]}, "/origins/0"),
        ({"origins": ["https://user@shop.example"]}, "/origins/0"),
        ({"origins": ["https://shop.example\r\nX: y"]}, "/origins/0"),
        ({"origins": ["https://a.example", "https://A.example:443"]}, "/origins"),
        ({"orgId": "ORG;@AdobeOrg"}, "/orgId"),
        ({"orgId": "a@b@c"}, "/orgId"),
        ({"orgId": None}, "/orgId"),
        ({"datasetId": None}, "/datasetId"),
        ({"decisionIds": ["a", "a"]}, "/decisionIds"),
        ({"decisionIds": [str(n) for n in range(MOST_DECISIONS + 1)]}, "/decisionIds"),
        ({"tokenMode": "strict"}, "/tokenMode"),
        ({"answerStyle": "exd"}, "/answerStyle"),
        ({"secret": "x"}, "/secret"),
    ],
)
def test_a_datastream_that_cannot_be_is_refused_with_the_field_that_is_wrong(fields: dict[str, Any], at: str) -> None:
    with pytest.raises(ValidationError) as refused:
        NewDatastream.model_validate_json(json.dumps(BODY | fields))
    assert [pointer(one["loc"]) for one in refused.value.errors()] == [at]


def test_an_edit_changes_what_is_given_and_nothing_else() -> None:
    datastream = a_datastream(decision_ids=("s",))
    assert edit_datastream(datastream, DatastreamEdit(name="w"), now=NOW) is datastream
    edited = edit_datastream(datastream, DatastreamEdit(token_mode=TokenMode.OFF, decision_ids=()), now=NOW)
    assert (edited.version, edited.token_mode, edited.decision_ids, edited.name) == (2, "off", (), "w")
    assert Datastream.model_validate_json(edited.model_dump_json()) == edited
