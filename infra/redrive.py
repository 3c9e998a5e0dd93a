"""`make redrive`: messages that were set aside are given again, once what kept them from being worked on is mended.

Nothing is counted twice by it, however late and however often: a message is only a hint to look at an object as it
stands now. The messages are moved here rather than by a move task of SQS's own, which takes dead-letter queues of
queues only, and not the one of the rule that carries S3's events
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

STORAGE = "Storage"  # the child stack that has the queues; on one machine it stands alone
FOLDER = Path(__file__).parents[1] / ".local"
# By the outputs of infra/storage.yaml: where messages are set aside, and where those belong that ask for a fit and all
# others: hints to look at objects, and events of S3.
DEAD_LETTERS, FITS, OBJECTS = "DeadLettersUrl", "FitsUrl", "ObjectsUrl"
_HIDDEN_SECONDS = 60  # a message from its receipt to its deletion
_LONG_POLL_SECONDS = 3  # long: asks every server of the queue, so that none is none


def storage_outputs(cloudformation: Any, stack: str) -> Mapping[str, str]:  # noqa: ANN401 - boto3's own
    """The outputs of infra/storage.yaml, of the system that is deployed as `stack`."""
    if stack != STORAGE:
        found = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=STORAGE)
        stack = found["StackResourceDetail"]["PhysicalResourceId"]
    (described,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}


def stack_of(given: str | None, folder: Path) -> str:
    """The stack meant; without one, clients of this process lead to the system that `make serve` runs here."""
    if given is not None:
        return given
    lines = (folder / "env").read_text(encoding="utf-8").splitlines()
    for name, _, held in (line.partition("=") for line in lines):
        os.environ[name] = held
    os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"]
    return STORAGE


def move(sqs: Any, source: str, *, objects: str, fits: str) -> int:  # noqa: ANN401 - boto3's own
    """Move all messages of a queue to the two that are worked on, by their URLs; how many.

    Whoever is interrupted may begin again.
    """
    moved = 0
    while messages := sqs.receive_message(
        QueueUrl=source,
        MaxNumberOfMessages=10,
        VisibilityTimeout=_HIDDEN_SECONDS,
        WaitTimeSeconds=_LONG_POLL_SECONDS,
    ).get("Messages"):
        entries = [{"Id": str(n), "MessageBody": message["Body"]} for n, message in enumerate(messages)]
        asking = [entry for entry in entries if _asks_for_fit(entry["MessageBody"])]
        others = [entry for entry in entries if entry not in asking]
        for target, some in ((fits, asking), (objects, others)):
            if not some:
                continue
            sent = sqs.send_message_batch(QueueUrl=target, Entries=some).get("Successful", [])
            # Only now: a message that is there twice does no harm, and one that is gone would.
            done = [{"Id": one["Id"], "ReceiptHandle": messages[int(one["Id"])]["ReceiptHandle"]} for one in sent]
            if not done:
                raise ConnectionError(f"{target} takes no messages")
            sqs.delete_message_batch(QueueUrl=source, Entries=done)
            moved += len(done)
    return moved


def _asks_for_fit(body: str) -> bool:
    """Whether a message belongs to the models; one that nobody can read goes where it is set aside again."""
    try:
        message = json.loads(body)
    except ValueError:
        return False
    return isinstance(message, dict) and "fit" in message


def redrive(cloudformation: Any, sqs: Any, stack: str) -> int:  # noqa: ANN401 - boto3's own
    """Move all that was set aside; how many messages."""
    outputs = storage_outputs(cloudformation, stack)
    return move(sqs, outputs[DEAD_LETTERS], objects=outputs[OBJECTS], fits=outputs[FITS])


def main() -> int:
    """Redrive, and say what was moved; the exit code is 0 then."""
    parser = argparse.ArgumentParser(prog="infra.redrive", description=__doc__)
    parser.add_argument("stack", nargs="?", help="the deployed stack; none: the system that `make serve` runs here")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where `make serve` wrote `env`")
    given = parser.parse_args()
    try:
        stack = stack_of(given.stack, given.folder)
        moved = redrive(boto3.client("cloudformation"), boto3.client("sqs"), stack)
    except (OSError, BotoCoreError, ClientError) as error:
        print(f"The messages could not be given again: {error}", file=sys.stderr)
        return 1
    print(f"{moved} messages are given again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
