"""`python -m infra.local.storefront`: a small shop around Adobe's Web SDK, on this machine, until Ctrl-C.

Its page shows what a model has ranked for whoever looks, and tells what was seen and clicked: the same pages, front and
library that the tests in a real browser use. A browser finds its hosts by arguments, so nothing else is changed.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from infra.local import ROOT
from infra.local.client import Client
from infra.local.emulator import StartError
from infra.local.intrinsics import UnresolvedError
from infra.local.system import FOLDER, System, running
from infra.local.tls import Host, Pages, Upstream, chromium_arguments, fronting

SHOP, EDGE = "www.shop.test", "edge.offers.test"
_ORG = "shop@AdobeOrg"
_PAGES = (ROOT / "infra" / "local" / "pages", ROOT / ".venvs" / "web-sdk")
_OFFERS = {"summer": "Summer at the sea", "winter": "Winter in the mountains", "city": "A weekend in the city"}


def main() -> int:
    """Serve until told to stop; the exit code is 0 then."""
    parser = argparse.ArgumentParser(prog="infra.local.storefront", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="takes what the services say")
    parser.add_argument("--browser", default=os.environ.get("CHROMIUM"), help="a Chromium; none is opened without one")
    given = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        with (given.folder / "functions.log").open("w") as log, running(folder=given.folder, log=log) as system:
            _serve(system, given.browser, stop)
    except (StartError, UnresolvedError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _serve(system: System, browser: str | None, stop: threading.Event) -> None:
    model, asked = opened(system)
    hosts: dict[str, Host] = {SHOP: Pages(_PAGES), EDGE: Upstream(system.url)}
    with fronting(hosts) as front, tempfile.TemporaryDirectory() as profile:
        address = f"https://{SHOP}/?{urlencode(asked)}"
        arguments = [*chromium_arguments(hosts, front.server_port), f"--user-data-dir={profile}", "--no-first-run"]
        arguments += ["--no-sandbox"] if os.geteuid() == 0 else []  # root has none
        print(f"ready {address}", flush=True)
        print(f"what its clicks teach: GET {system.url}/models/{model}/report", flush=True)
        command = [browser or "chromium", *arguments, address]
        if browser and shutil.which(browser) and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            shown = subprocess.Popen(command)  # noqa: S603 - the browser is who calls' own choice
            stop.wait()
            shown.terminate()
            shown.wait()
        else:
            print(f"no browser was opened here; this opens one:\n{shlex.join(command)}", flush=True)
            stop.wait()


def opened(system: System) -> tuple[str, Mapping[str, str]]:
    """A shop with one decision and a model that ranks it: the model's id, and what its page is to be asked."""
    with Client.of(system.url, "admin", system.issuer.clients["admin"].secret) as admin:
        schema = "experience-event-proposition-interactions"
        dataset = admin.post("/datasets", {"name": "Events of the shop", "schema": schema})["id"]
        model = {"name": "What sells", "type": "auto-optimization", "datasetIds": [dataset]}
        model_id = str(admin.post("/models", model)["id"])
        admin.post(f"/models/{model_id}/activate")
        shown = [_creative(offer, text) for offer, text in _OFFERS.items()]
        decision = {"name": "hero", "modelId": model_id, "itemCount": len(shown), "offers": shown}
        decision_id = admin.post("/decisions", decision | {"fallback": _creative("welcome", "Welcome")})["id"]
        datastream = {"name": "shop", "orgId": _ORG, "datasetId": dataset, "decisionIds": [decision_id]}
        datastream_id = admin.post("/datastreams", datastream | {"origins": [f"https://{SHOP}"]})["id"]
    return model_id, {"datastream": datastream_id, "org": _ORG, "edge": EDGE, "scope": "hero", "show": "all"}


def _creative(offer: str, text: str) -> dict[str, Any]:
    return {"id": offer, "etag": "1", "format": "text/html", "content": f"<button>{text}</button>"}


if __name__ == "__main__":
    sys.exit(main())
