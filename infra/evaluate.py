"""`make evaluate`: what another policy would have earned in the place of the one that made a log, from the log's file.

A file of any size, in two passes and bounded memory: JSON lines, plain or gzip, each as
{"offers": [ids], "chosen": id, "propensity": 0.1, "converted": false}, with "audiences": [..] and "context": {..} where
there are any. A target is `uniform`, `priority:first,second,...`, `model:<id>` or, as JSON, what
`POST /models/{id}/evaluate` takes; what a model has learned is read from the deployed stack, or from the system that
`make serve` runs here.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from infra.redrive import FOLDER, STORAGE, storage_outputs
from offer_ranking.catalog.errors import CatalogError
from offer_ranking.measuring.evaluation import Evaluation, Moments, Policy, evaluation
from offer_ranking.measuring.imported_log import UnreadableLogError, logs_of
from offer_ranking.measuring.reward_model import FoldCounts
from offer_ranking.measuring.target import Target, policy_of
from offer_ranking.storage.count_files import S3CountFiles
from offer_ranking.storage.ledger import DynamoLedger
from offer_ranking.storage.models import Models
from offer_ranking.storage.snapshots import S3Snapshots
from offer_ranking.storage.target_policies import TargetPolicies

_CONTESTS_REMEMBERED = 1024


def evaluate_file(path: Path, target: Policy) -> Evaluation:
    """Judge a target by a log in a file. Raises UnreadableLogError, OSError.

    The first pass counts, for the rates that doubly robust estimates lean on; the second adds up moments.
    """
    counts = FoldCounts()
    for log in logs_of(path):
        counts.add(log)
    rewards, remembering = counts.model(), lru_cache(_CONTESTS_REMEMBERED)(target)
    total = Moments.zero()
    for log in logs_of(path):
        total += Moments.of(log, remembering, rewards)
    return evaluation(total)


def read_target(text: str) -> Target:
    """Read a target from a command's words. Raises ValidationError."""
    policy, _, rest = text.partition(":")
    given: Any = {"policy": text}
    if text.lstrip().startswith("{"):
        return Target.model_validate_json(text)
    if policy == "priority":
        given = {"policy": policy, "order": [offer for offer in rest.split(",") if offer]}
    elif policy == "model":
        given = {"policy": policy, "modelId": rest}
    return Target.model_validate_json(json.dumps(given))


def _policy(target: Target, model_id: str | None, stack: str | None, folder: Path) -> Policy:
    """What a target shows; stores are asked only for what a model has learned."""
    if (known := policy_of(target)) is not None:
        return known
    if stack is None:
        lines = (folder / "env").read_text(encoding="utf-8").splitlines()
        os.environ.update(dict(line.split("=", 1) for line in lines))
        os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"]
    outputs = storage_outputs(boto3.client("cloudformation"), stack or STORAGE)
    dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
    models = Models(dynamodb, outputs["CatalogName"])
    policies = TargetPolicies(
        models,
        S3Snapshots(s3, outputs["StateName"]),
        DynamoLedger(dynamodb, outputs["LedgerName"]),
        S3CountFiles(s3, outputs["StateName"]),
    )
    return policies.policy(target, models.get(model_id) if model_id else None, now=datetime.now(UTC))


def main() -> int:
    """Evaluate, and print the answer as JSON; the exit code is 0 then."""
    parser = argparse.ArgumentParser(prog="infra.evaluate", description=__doc__)
    parser.add_argument("log", type=Path, help="a file of records")
    parser.add_argument("target", help="uniform, priority:a,b,..., model:<id>, or JSON")
    parser.add_argument("--model", help="the model whose settings are changed, or that is meant by `current`")
    parser.add_argument("--stack", help="the deployed stack; without it the system that `make serve` runs here")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where `make serve` wrote `env`")
    given = parser.parse_args()
    try:
        target = read_target(given.target)
        found = evaluate_file(given.log, _policy(target, given.model, given.stack, given.folder))
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        print(f"The target cannot be read: {told}", file=sys.stderr)
        return 2
    except (UnreadableLogError, OSError, CatalogError, BotoCoreError, ClientError) as error:
        print(f"The log could not be evaluated: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
