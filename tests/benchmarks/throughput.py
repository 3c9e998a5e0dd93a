"""Rankings a second and core: the built function under Lambda's runtime client and interface emulator.

As a ratio to a handler that returns a constant as long as our answer, in the same run: blocks of calls by turns, one
caller. What is measured is the CPU of the function's processes (the runtime client and the emulator before it); the
caller and the emulator of AWS are other processes. A core does so many a second as fit into a second of that.

    python tests/benchmarks/throughput.py [rounds]
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]

from infra.local.emulator import Emulator  # noqa: E402 - the path above comes first
from tests.e2e.world import lines, within  # noqa: E402
from tests.support.recorded import recorded  # noqa: E402
from tests.support.runtime import Invoke, linked_runtime_client, running  # noqa: E402
from tests.support.stack import BUILT, Stack, build, live_model, made  # noqa: E402

LEAST = {30: 0.5, 300: 0.35}  # of the constant's rankings a second, by offers
NAMES = [f"xcore:personalized-offer:{n:016x}" for n in range(max(LEAST))]
CALLS, ROUNDS, WARM = 200, 9, 100
UNMETERED = {"RANKINGS_PER_SECOND_PER_CLIENT": "0"}  # one caller is all there is
CONSTANT = """
import json
from pathlib import Path
ANSWER = json.loads(Path(__file__).with_name("answer.json").read_text())
def lambda_handler(event, context):
    return ANSWER
"""


def asked(model: str, token: str, offers: int) -> Any:
    """The event of one ranking."""
    event = recorded("rank_offers", TOKEN=token, MODEL_ID=model)
    event["body"] = json.dumps({"offers": [{"id": name} for name in NAMES[:offers]]})
    return event


def trained(stack: Stack, admin: str) -> str:
    """A live model that has learned of every offer."""
    dataset, model = live_model(stack, admin, "throughput")
    body = lines(**dict.fromkeys(NAMES, (20, 1)))
    stack.client("s3").put_object(Bucket=dataset["bucket"], Key=f"{dataset['prefix']}one.jsonl", Body=body)

    def learned() -> bool | None:
        report = made(stack.call("GET", f"/models/{model['id']}/report?days=all", token=admin), 200)
        return (report["snapshotVersion"] is not None and report["totals"]["impressions"] == 20 * len(NAMES)) or None

    within(120, learned)
    return str(model["id"])


def spent(invoke: Invoke, event: Any) -> float:
    """CPU seconds a call, of a block of calls."""
    before = invoke.cpu_seconds()
    for _ in range(CALLS):
        invoke(event)
    return (invoke.cpu_seconds() - before) / CALLS


def race(ours: Invoke, constant: Invoke, event: Any, rounds: int) -> tuple[list[float], list[float]]:
    """CPU seconds a call of each, block by block in turn."""
    for _ in range(WARM):
        ours(event), constant(event)
    pairs = [(spent(ours, event), spent(constant, event)) for _ in range(rounds)]
    return [mine for mine, _ in pairs], [its for _, its in pairs]


def main() -> int:
    """Print the table; 1 where a bound is missed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    missed = False
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        (folder / "runtime").mkdir()
        client = linked_runtime_client(folder / "runtime")
        stack = Stack.deploy(ends.enter_context(Emulator.on(0, folder / "emulator")), build())
        model = trained(stack, stack.token("Admin"))
        token = stack.token("Ranker")
        ours = ends.enter_context(
            running(BUILT / "RankOffers", stack.environment("RankOffers") | UNMETERED, client, folder / "rank")
        )
        print("| offers | rankings a second and core | a constant | ratio | least | greatest | bound | |")
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for offers, least in LEAST.items():
            event = asked(model, token, offers)
            answer = ours(event)
            assert json.loads(answer["body"])["source"] in {"fresh", "stale"}, answer
            code = folder / f"constant{offers}"
            code.mkdir()
            (code / "handler.py").write_text(CONSTANT)
            (code / "answer.json").write_text(json.dumps(answer))
            with running(code, {}, client, folder / "log") as constant:
                mine, its = race(ours, constant, event, rounds)
            ratios = [b / a for a, b in zip(mine, its, strict=True)]
            ratio = statistics.median(ratios)
            missed |= ratio < least
            print(
                f"| {offers} | {1 / statistics.median(mine):,.0f} | {1 / statistics.median(its):,.0f} | {ratio:.2f} "
                f"| {min(ratios):.2f} | {max(ratios):.2f} | {least} | {'missed' if ratio < least else 'met'} |"
            )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
