from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offer_ranking.storage.console_client import ConsoleClient


def test_the_consoles_client_is_read_by_its_parameters_name(client: Callable[[str], Any]) -> None:
    client("ssm").put_parameter(Name="/stack/console-client", Value="a-client", Type="String")
    assert ConsoleClient(client("ssm"), "/stack/console-client").id() == "a-client"
