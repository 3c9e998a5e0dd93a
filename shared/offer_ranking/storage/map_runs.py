"""Runs of a state machine that does something to each of many objects: started by name, known for 90 days."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.measuring.map_run import MapRun, Objects, Status, none_listed

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STATUS: dict[str, Status] = {"RUNNING": "running", "PENDING_REDRIVE": "running", "SUCCEEDED": "succeeded"}


class MapRuns:
    """Starts and watches runs of one state machine, by its ARN. `noun` is what a run is called."""

    def __init__(self, client: SFNClient, state_machine: str, noun: str) -> None:
        self._client = client
        self._state_machine = state_machine
        self._noun = noun

    def start(self, id_: str, given: Mapping[str, Any]) -> None:
        """Start it; nothing happens where it was started before with the same."""
        try:
            self._client.start_execution(stateMachineArn=self._state_machine, name=id_, input=json.dumps(given))
        except self._client.exceptions.ExecutionAlreadyExists:
            return  # and is over, or (not on AWS) under way

    def get(self, id_: str) -> MapRun:
        """How far it is. Raises NotFoundError."""
        if not _ID.fullmatch(id_):
            raise NotFoundError(self._noun, id_)
        arn = self._state_machine.replace(":stateMachine:", ":execution:") + f":{id_}"
        try:
            execution = self._client.describe_execution(executionArn=arn)
        except self._client.exceptions.ExecutionDoesNotExist:
            raise NotFoundError(self._noun, id_) from None
        return MapRun(
            id=id_,
            given=json.loads(execution["input"]),
            status=_STATUS.get(execution["status"], "failed"),
            started_at=execution["startDate"],
            ended_at=execution.get("stopDate"),
            error=execution.get("error"),
            objects=self._objects(arn),
        )

    def _objects(self, execution: str) -> Objects:
        runs = self._client.list_map_runs(executionArn=execution).get("mapRuns")
        if not runs:
            return none_listed()
        items = self._client.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]
        return Objects(
            listed=items["total"],
            done=items["succeeded"],
            failed=items["failed"] + items["timedOut"] + items["aborted"],
            pending=items["pending"] + items["running"],
        )
