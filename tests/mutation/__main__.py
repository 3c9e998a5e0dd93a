"""How many small faults, planted into a room's code one at a time, its tests find: `make mutate`.

mutmut (BSD) makes the mutants and runs, of the tests that a room names, those that enter the mutated function. It wants
the code below `src`, so each room is worked on in a copy of the project below .local/mutation. What it leaves alone:
decorated functions other than class methods, module constants, and here the texts of errors, which nobody compares.
A survivor's change lies in .local/mutation/ROOM.diff. Exits with 1 below 85 % in a room.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import math
import random
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".local" / "mutation"
PACKAGE = ROOT / "shared" / "offer_ranking"
LEAST = 0.85
KILLED = {1, 3}  # a test failed; pytest itself failed
TIMED_OUT = {36, 24, -24, 152, 255}
ERROR_TEXTS = [r"raise \w+Error\(", r"^\s*msg = "]
SETTINGS = """
[tool.mutmut]
source_paths = ["src"]
also_copy = ["functions", "infra", "template.yaml"]
pytest_add_cli_args = ["-p", "tests.mutation.quickest_first", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
timeout_multiplier = 5.0
timeout_constant = 5.0
"""


@dataclass(frozen=True, slots=True)
class Room:
    """Files below the package, the tests that hold them, and, where not all of a file is meant, its functions."""

    files: tuple[str, ...]
    tests: tuple[str, ...]
    functions: tuple[str, ...] = ("*",)


COUNTING = ("counts", "delta", "copies", "identity", "index", "entries", "plain", "accounting", "protocol")
ROOMS = {
    "tokens": Room(
        ("events/token.py", "events/mail_link.py", "events/item_token.py"),
        (
            "tests/unit/events/test_token.py",
            "tests/unit/events/test_mail_link.py",
            "tests/unit/events/test_item_token.py",
            "tests/unit/collecting/test_forged.py",
            "tests/unit/collecting/test_mail.py",
        ),
    ),
    "authorization": Room(
        ("http/verifier.py", "http/principal.py", "http/api.py"),
        ("tests/unit/http/test_verifier.py", "tests/unit/http/test_api.py"),
        ("*.verifier.*", "*.principal.*", "*ǁis_open_to__*", "*ǁ_call__*", "*ǁ_principal__*", "*ǁ__call____*"),
    ),
    "counting": Room(
        tuple(f"counting/{name}.py" for name in COUNTING),
        (
            *(f"tests/unit/counting/test_{name}.py" for name in ("copies", "counts", "delta", "engine", "index")),
            "tests/unit/counting/test_protocol.py",
            "tests/unit/counting/test_entries.py",
            "tests/functions/test_sweep.py",
            "tests/functions/test_poison.py",
        ),
    ),
}


def stage(room: Room, folder: Path) -> None:
    """A copy of the project in which only the room's files are to be changed."""
    shutil.rmtree(folder, ignore_errors=True)
    without = shutil.ignore_patterns("__pycache__", ".aws-sam")
    shutil.copytree(PACKAGE, folder / "src" / "offer_ranking", ignore=without)
    for name in ("tests", "functions", "infra"):
        shutil.copytree(ROOT / name, folder / name, ignore=without)
    shutil.copy(ROOT / "template.yaml", folder)
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8").replace('["shared", "."]', '["src", "."]')
    lists = {
        "only_mutate": [f"src/offer_ranking/{file}" for file in room.files],
        "do_not_mutate_patterns": ERROR_TEXTS,
        "pytest_add_cli_args_test_selection": list(room.tests),
    }
    more = "".join(f"{name} = {json.dumps(value)}\n" for name, value in lists.items())
    (folder / "pyproject.toml").write_text(project + SETTINGS + more, encoding="utf-8")


def mutants_of(room: Room, folder: Path) -> list[str]:
    """The names of all, in the order of the code."""
    names = """
import sys
from pathlib import Path
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name
for file in map(Path, sys.argv[1:]):
    for name in mutate_file_contents(str(file), file.read_text(encoding="utf-8")).mutant_names:
        print(get_mutant_name(file, name))
"""
    files = [f"src/offer_ranking/{file}" for file in room.files]
    found = subprocess.run(
        [sys.executable, "-c", names, *files], cwd=folder, check=True, capture_output=True, encoding="utf-8"
    )
    return [name for name in found.stdout.split() if any(fnmatch.fnmatchcase(name, one) for one in room.functions)]


def results(folder: Path) -> dict[str, int | None]:
    """By mutant, the exit code of its tests; None for those that were not run."""
    found: dict[str, int | None] = {}
    for meta in (folder / "mutants").rglob("*.meta"):
        found |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def mutated(name: str, room: Room, sample: int, seed: int, children: int) -> float:
    """The share of the room's mutants, or of a sample of them, that its tests find."""
    folder = WORK / name
    stage(room, folder)
    every = mutants_of(room, folder)
    chosen = every if not sample or sample >= len(every) else random.Random(seed).sample(every, sample)
    mutmut = [sys.executable, "-m", "mutmut"]
    subprocess.run([*mutmut, "run", "--max-children", str(children), *chosen], cwd=folder, check=True)
    codes = results(folder)
    survivors = [mutant for mutant in sorted(chosen) if codes[mutant] not in KILLED | TIMED_OUT]
    changes = [
        subprocess.run([*mutmut, "show", mutant], cwd=folder, check=True, capture_output=True, encoding="utf-8").stdout
        for mutant in survivors
    ]
    (WORK / f"{name}.diff").write_text("\n".join(changes), encoding="utf-8")
    slow = sum(codes[mutant] in TIMED_OUT for mutant in chosen)
    share = 1 - len(survivors) / len(chosen)
    error = 100 * math.sqrt(share * (1 - share) / len(chosen)) if len(chosen) < len(every) else 0
    line = f"| {name} | {len(every)} | {len(chosen)} | {len(chosen) - len(survivors)} | {slow} | {100 * share:.1f} |"
    print(f"{line} {error:.1f} |", file=sys.stderr)
    with (WORK / "result.md").open("a", encoding="utf-8") as table:
        table.write(f"{line} {error:.1f} |\n")
    return share


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"of {', '.join(ROOMS)}; all by default")
    parser.add_argument("--sample", type=int, default=0, help="mutants of each room, drawn by the seed; all by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--children", type=int, default=2, help="processes at once")
    given = parser.parse_args(arguments)
    WORK.mkdir(parents=True, exist_ok=True)
    head = "| room | mutants | tried | found | of these by time | % | standard error |"
    (WORK / "result.md").write_text(f"{head}\n| --- | --- | --- | --- | --- | --- | --- |\n", encoding="utf-8")
    shares = {
        name: mutated(name, ROOMS[name], given.sample, given.seed, given.children) for name in given.rooms or ROOMS
    }
    print((WORK / "result.md").read_text(encoding="utf-8"))
    missed = [name for name, share in shares.items() if share < LEAST]
    print(f"below {LEAST:.0%}: {', '.join(missed)}" if missed else f"all found {LEAST:.0%} or more")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
