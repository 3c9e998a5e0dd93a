"""The id of the web console's client at the issuer, in a parameter of Systems Manager.

The client is told the API's address, so it exists after the API and its functions: none of them can have its id in its
environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Parameters(Protocol):
    """As boto3's client of Systems Manager."""

    def get_parameter(self, *, Name: str) -> Mapping[str, Any]: ...  # noqa: N803 - AWS's own


class ConsoleClient:
    """Reads the id under a parameter's name."""

    def __init__(self, parameters: Parameters, name: str) -> None:
        self._parameters = parameters
        self._name = name

    def id(self) -> str:
        return str(self._parameters.get_parameter(Name=self._name)["Parameter"]["Value"])
