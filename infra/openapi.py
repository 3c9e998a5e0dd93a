"""Writes the OpenAPI document of all functions to where manage_models serves it (`make openapi`).

The document needs every function's operations, and functions never import each other; so it is made here, committed,
and a test holds it against the handlers.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any

from offer_ranking.http.api import Api, Operation
from offer_ranking.http.openapi import document

TARGET = Path("functions/manage_models/openapi.json")
FUNCTIONS = (
    "manage_models",
    "manage_decisions",
    "activate_model",
    "rank_offers",
    "report_performance",
    "manage_erasures",
)


def operations() -> list[Operation]:
    """Every operation of every function."""
    found: list[Operation] = []
    for function in FUNCTIONS:
        api: Api = importlib.import_module(f"functions.{function}.handler").api
        found += api.operations
    return found


def rendered() -> str:
    """The document as it is committed."""
    made: dict[str, Any] = document(operations())
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    # The handlers read these where they are imported; nothing is called.
    for name in ("CATALOG_TABLE", "LEDGER_TABLE", "TOKEN_KEYS_TABLE", "CAPS_TABLE", "DATASETS_BUCKET", "STATE_BUCKET",
                 "OBJECTS_QUEUE", "FITS_QUEUE", "BACKFILLS", "ERASURES", "OIDC_ISSUER", "EDGE_URL"):  # fmt: skip
        os.environ.setdefault(name, "unused")
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("DELIVERY_SECONDS", "RANKINGS_PER_SECOND_PER_CLIENT"):
        os.environ.setdefault(name, "0")
    TARGET.write_text(rendered(), encoding="utf-8")
