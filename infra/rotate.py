"""`make rotate-keys`: a new key signs what is served, while what was served before stays good.

Two keys live. The new one verifies at once and signs ten minutes later, when every function has read it; the one that
signed until now verifies until the next rotation, and the one before that is gone. A mail's token is good for 30 days,
so a rotation within 30 days of the last is refused: tokens of the key that it would retire may live. FORCE=1 rotates
all the same, and they no longer verify: those of pages, good for 48 hours, and of mails. Whoever must be rid of a key
that others know rotates twice, ten minutes apart: after the first it still verifies, and signs until the new one does;
five minutes after the second, when every function has read the table again, it is worth nothing. At once after another
rotations would lose tokens: of a key that signs in one function, and that another has not read.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.redrive import FOLDER, stack_of, storage_outputs
from offer_ranking.storage.token_keys import ContendedError, KeyRing, NoKeysError, TooEarlyError

TABLE = "TokenKeysName"


def main() -> int:
    """Rotate, and say when the new key signs; the exit code is 0 then."""
    parser = argparse.ArgumentParser(prog="infra.rotate", description=__doc__)
    parser.add_argument("stack", nargs="?", help="the deployed stack; none: the system that `make serve` runs here")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where `make serve` wrote `env`")
    parser.add_argument("--force", action="store_true", help="although tokens of the key that is retired may live")
    given = parser.parse_args()
    try:
        stack = stack_of(given.stack, given.folder)
        outputs = storage_outputs(boto3.client("cloudformation"), stack)
        signs_from = KeyRing(boto3.client("dynamodb"), outputs[TABLE]).rotate(force=given.force)
    except TooEarlyError as error:
        print(
            f"Not rotated: tokens of the key that would be retired may live until {_written(error.until)}. "
            "FORCE=1 rotates all the same, and they no longer verify.",
            file=sys.stderr,
        )
        return 1
    except NoKeysError:
        print(
            "Not rotated: there is no key yet. The first one is made with the first live model or datastream.",
            file=sys.stderr,
        )
        return 1
    except (OSError, BotoCoreError, ClientError, ContendedError) as error:
        print(f"The keys could not be rotated: {error!r}", file=sys.stderr)
        return 1
    print(f"The new key verifies from now on, and signs from {_written(signs_from)}.")
    return 0


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main())
