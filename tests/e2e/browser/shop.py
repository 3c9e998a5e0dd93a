"""A shop with decisions to show and a model that learns from its pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from tests.e2e.browser.chromium import SHOP, THIRD_PARTY
from tests.e2e.conftest import Caller
from tests.e2e.world import SCHEMA, name, settled

ORG = "shop@AdobeOrg"
_DELIVERED_SECONDS = 180  # hundreds of objects, a fit, and a busy machine

Counts = dict[str, tuple[int, int]]  # impressions and conversions by offer


@dataclass(frozen=True, slots=True)
class Shop:
    """What its pages ask for: a datastream, and decisions by name and surface."""

    admin: Caller
    model_id: str
    datastream_id: str
    scopes: tuple[str, ...]
    surfaces: tuple[str, ...]

    @classmethod
    def opened(
        cls,
        admin: Caller,
        offers: Sequence[str] = ("summer",),
        *,
        decisions: int = 1,
        style: str = "EXD",
        model: Mapping[str, Any] | None = None,
        audiences: Mapping[str, Sequence[str]] | None = None,
    ) -> Self:
        """A shop of its own, whose decisions all show all of these offers, in the order of one live model.

        `audiences` says which offers only some may see.
        """
        dataset = _created(admin, "datasets", {"schema": SCHEMA})["id"]
        learner = {"type": "auto-optimization", **(model or {}), "datasetIds": [dataset]}
        model_id = _created(admin, "models", learner)["id"]
        assert admin.post(f"/models/{model_id}/activate").json()["status"] == "live"
        only = audiences or {}
        items = [{**_creative(offer), "audiencesAny": list(only.get(offer, ()))} for offer in offers]
        surfaces = tuple(f"web://{SHOP}/#{model_id}-{n}" for n in range(decisions))
        shared = {"modelId": model_id, "itemCount": len(offers), "offers": items, "fallback": _creative("welcome")}
        made = [_created(admin, "decisions", {**shared, "surface": surface}) for surface in surfaces]
        datastream = {
            "orgId": ORG,
            "datasetId": dataset,
            "decisionIds": [one["id"] for one in made],
            "origins": [f"https://{SHOP}"],
            "answerStyle": style,
        }
        scopes = tuple(one["name"] for one in made)
        return cls(admin, model_id, _created(admin, "datastreams", datastream)["id"], scopes, surfaces)

    def asked(self, edge: str = THIRD_PARTY) -> dict[str, str]:
        """Whom its pages ask."""
        return {"datastream": self.datastream_id, "org": ORG, "edge": edge}

    def learned(self, events: int) -> Counts:
        """What its model has counted, once that is so many displays and clicks or more."""

        def counts() -> Counts | None:
            report = self.admin.get(f"/models/{self.model_id}/report?days=all").json()
            found = {one["id"]: (one["impressions"], one["conversions"]) for one in report["offers"]}
            return found if sum(map(sum, found.values())) >= events else None

        return settled(_DELIVERED_SECONDS, counts)


def _creative(offer: str) -> dict[str, Any]:
    return {"id": offer, "etag": "1", "format": "text/html", "content": f"<button>{offer}</button>"}


def _created(admin: Caller, what: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = admin.post(f"/{what}", {"name": name(what), **body})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created
