from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.events.instant import of_issue, of_rfc3339, of_uuid7, to_rfc3339

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1970, 1, 3), datetime(9999, 12, 29), timezones=ZONES))  # noqa: DTZ001 - zones are drawn
def test_a_time_with_its_zone_is_read_as_the_standard_library_reads_it(moment: datetime) -> None:
    assert of_rfc3339(moment.isoformat()) == (moment - EPOCH) // timedelta(microseconds=1)


@given(st.integers(0, 253_402_300_799_999))
def test_milliseconds_are_written_and_read_back(milliseconds: int) -> None:
    assert of_rfc3339(to_rfc3339(milliseconds * 1000)) == milliseconds * 1000


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-11-24T23:59:60Z", "2026-11-24T23:59:59Z"),
        ("2026-11-24t23:59:59z", "2026-11-24T23:59:59Z"),
        ("2026-11-24T23:59:59.1234569Z", "2026-11-24T23:59:59.123456Z"),
        ("2026-11-25T01:29:59+01:30", "2026-11-24T23:59:59Z"),
    ],
)
def test_other_spellings_mean_the_same_instant(text: str, same: str) -> None:
    assert of_rfc3339(text) == of_rfc3339(same) is not None


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-24T22:05:12", "2026-11-24", "", "2026-11-24T24:00:00Z", "2026-02-29T00:00:00Z", "2026-11-24T22:05:61Z",
        "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999999-01-01T00:00:00Z",
        "2026-11-24T22:05:12+24:00", "\u0662026-11-24T22:05:12Z", "2026-11-24T22:05:12.Z",
        " 2026-11-24T22:05:12Z", None, 5,
    ],
)  # fmt: skip
def test_a_time_without_zone_or_outside_of_the_calendar_is_none(text: object) -> None:
    assert of_rfc3339(text) is None


@pytest.mark.parametrize(
    "value", [True, -1, 253_402_300_800_000, float("nan"), float("inf"), "", "-5", "1" * 16, None, [], {}]
)
def test_what_is_no_issue_time_is_none(value: object) -> None:
    assert of_issue(value) is None


def test_an_issue_time_may_be_milliseconds_as_number_or_in_digits() -> None:
    assert of_issue(1764021912613) == of_issue("1764021912613") == of_issue(1764021912613.9) == 1764021912613000


def test_only_version_7_of_a_uuid_holds_a_time() -> None:
    assert of_uuid7("017F22E2-79B0-7CC3-98C4-DC0C0C07398F") == of_rfc3339("2022-02-22T19:22:22Z")  # RFC 9562, A.6
    assert of_uuid7("919108f7-52d1-4320-9bac-f847db4148a8") is None
    assert of_uuid7("017f22e279b07cc398c4dc0c0c07398f") is None
