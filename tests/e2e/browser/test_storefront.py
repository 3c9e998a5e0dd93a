"""`make shop`, as a person starts it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from infra.local import ROOT
from tests.e2e.browser.chromium import chromium


def test_the_shop_says_how_to_open_it_and_shows_its_offers(
    tmp_path: Path,
    emulator_needed: None,  # noqa: ARG001 - skips
) -> None:
    command = [sys.executable, "-m", "infra.local.storefront", "--folder", str(tmp_path)]
    no_screen = {name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    with subprocess.Popen(command, cwd=ROOT, env=no_screen, stdout=subprocess.PIPE, text=True) as shop:
        try:
            assert shop.stdout is not None
            address = shop.stdout.readline().removeprefix("ready ").strip()
            _report, _opens = shop.stdout.readline(), shop.stdout.readline()
            _browser, *arguments, told = shlex.split(shop.stdout.readline())
            assert told == address
            found = [one for one in arguments if "user-data-dir" not in one]  # the driver makes one of its own
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=chromium(), args=found)
                page = browser.new_page()
                page.goto(address)
                page.wait_for_function("document.querySelectorAll('#offers button').length === 3")
                browser.close()
        finally:
            shop.terminate()
    assert shop.returncode == 0
