"""Takes events that came in at the door: verified, capped, written as lines, handed to the stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from offer_ranking.catalog.datastream import Datastream, TokenMode
from offer_ranking.collecting.caps import Caps, CapsUnavailableError, Interact, network_of
from offer_ranking.collecting.delivery import Delivery, UnavailableError
from offer_ranking.collecting.line import Line, lines_of
from offer_ranking.collecting.trust import WEB_LIFE, Judge, Proven, Trust
from offer_ranking.events.proposition_event import Kind, PropositionEvent, Refused, parse_event
from offer_ranking.events.reason import Reason
from offer_ranking.events.spelling import EVENT, PROPOSITION, rows, text, value_at
from offer_ranking.events.token import KeysUnavailableError, TokenKeys
from offer_ranking.events.visitor import visitor_of

_MOST_ASKED = 100  # interacts of one request, each with one offer: counters are asked one after the other


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of events.

    Args:
        lines: stored, all of them.
        untrusted: of them, displays and interacts that do not count since nothing proves them.
        observed: those that count although nothing proves them, while their datastream only observes.
        capped: interacts that do not count since there were too many.
        unasked: interacts that count although the counters of caps could not be asked.
        overflowed: lines that the stream did not take, stored all the same.

    """

    lines: int = 0
    untrusted: int = 0
    observed: int = 0
    capped: int = 0
    unasked: int = 0
    overflowed: int = 0


class Collector:
    """Verifies, caps and stores. `keys` gives the live keys, None before there are any; raises KeysUnavailableError."""

    def __init__(self, keys: Callable[[], TokenKeys | None], caps: Caps, delivery: Delivery) -> None:
        self._keys = keys
        self._caps = caps
        self._delivery = delivery
        self._judged = self._untrusted = 0

    def take(
        self,
        events: Sequence[dict[str, Any]],
        *,
        datastream: Datastream,
        source: str,
        now_ms: int,
        life: timedelta = WEB_LIFE,
    ) -> Taken:
        """Store events, objects of XDM. One that is sent again has the same `_id`, and the same time or none.

        Args:
            events: JSON in UTF-8, whose numbers have 64 bits.
            datastream: to which they came.
            source: the address of the caller.
            now_ms: the time of receipt, milliseconds since 1970 UTC.
            life: how long after its issue a token is good.

        Raises UnavailableError.

        """
        keys = self._keys_for(events, datastream.token_mode)
        judge = Judge(keys, datastream.id, datastream.token_mode, life, now_ms)
        intake = _Intake(self._caps, network_of(source), now_ms, has_caps=datastream.token_mode is TokenMode.ENFORCE)
        lines = [
            intake.examined(line, event) for event in events for line in lines_of(event, datastream.dataset_id, judge)
        ]
        if not lines:
            return Taken()
        written = [line.to_bytes() for line in lines]
        overflowed = self._delivery.deliver(datastream.dataset_id, written, now_ms=now_ms)
        self._judged += intake.judged
        self._untrusted += intake.untrusted
        return Taken(
            len(lines),
            untrusted=intake.untrusted,
            observed=intake.observed,
            capped=intake.capped,
            unasked=intake.unasked,
            overflowed=overflowed,
        )

    def measures(self) -> dict[str, float]:
        """Of what was taken since last asked: `Untrusted`, which share of the displays and interacts, 0 to 1."""
        judged, untrusted = self._judged, self._untrusted
        self._judged = self._untrusted = 0
        return {"Untrusted": round(untrusted / judged, 4)} if judged else {}

    def _keys_for(self, events: Sequence[dict[str, Any]], mode: TokenMode) -> TokenKeys | None:
        """The live keys where an event has a token. Raises UnavailableError where only they could tell what counts."""
        propositions = (one for event in events for one in rows(event, EVENT["propositions"]))
        if not any(text(one, PROPOSITION["token"]) for one in propositions):
            return None
        try:
            return self._keys()
        except KeysUnavailableError as error:
            if mode is TokenMode.ENFORCE:
                raise UnavailableError("The keys that would tell which events to trust cannot be read.") from error
            return None


class _Intake:
    """Examines the lines of one request, one after the other, and says what it found."""

    def __init__(self, caps: Caps, source: str, now_ms: int, *, has_caps: bool) -> None:
        self.judged = self.untrusted = self.observed = self.capped = self.unasked = 0
        self._caps = caps
        self._source = source
        self._now_ms = now_ms
        self._has_caps = has_caps
        self._are_away = False
        self._admitted: dict[Interact, bool] = {}

    def examined(self, line: Line, event: dict[str, Any]) -> Line:
        """The line of an event, stamped as capped where it is one too many."""
        outcome = parse_event(line.event)
        is_untrusted = outcome == Refused(Reason.UNTRUSTED)
        self.untrusted += is_untrusted
        self.judged += is_untrusted or isinstance(outcome, PropositionEvent)
        if not isinstance(outcome, PropositionEvent):
            return line
        self.observed += line.trust is Trust.OBSERVED
        is_held = self._has_caps and outcome.kind is Kind.CONVERSION
        if not is_held or line.proven is None or self._admits(line.proven, _ecid(event)):
            return line
        self.capped += 1
        return line.capped()

    def _admits(self, proven: Proven, ecid: str) -> bool:
        visitor = proven.token.visitor or visitor_of(ecid)
        mark = proven.text.rpartition(".")[2]  # the signature: there is one of a token
        try:
            if not self._are_away:
                interacts = (Interact(offer, mark, visitor, self._source) for offer in proven.offers)
                return all(map(self._admits_one, interacts))
        except CapsUnavailableError:
            self._are_away = True  # asked once a request: each time takes long
        self.unasked += 1
        return True

    def _admits_one(self, interact: Interact) -> bool:
        """Asked once, however often the request says it; what is beyond all measure is one too many."""
        if interact not in self._admitted:
            if len(self._admitted) == _MOST_ASKED:
                return False
            self._admitted[interact] = self._caps.admits(interact, now_ms=self._now_ms)
        return self._admitted[interact]


def _ecid(event: dict[str, Any]) -> str:
    found = value_at(event, ("identityMap", "ECID"))
    identity = found[0] if isinstance(found, list) and found else None
    return text(identity, (("id",),))
