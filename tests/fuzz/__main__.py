"""Coverage-guided fuzzing of what takes bytes from strangers: `make fuzz`, `ARGS="--seconds 600 edge_bodies"`.

Atheris (Apache-2.0, libFuzzer for Python) makes the inputs, by changes that know JSON and base64 (`changes.py`) and by
its own; `targets.py` says what must hold. What breaks a claim is kept below .local/fuzz/TARGET; once it is mended, the
input belongs into tests/fuzz/found/TARGET, where `make test` tries it for ever.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["offer_ranking"]):
    from tests.fuzz import targets
    from tests.fuzz.changes import changed

WORK = Path(__file__).parents[2] / ".local" / "fuzz"
LONGEST = 4096
LIMITS = (f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=1")


def fuzz(name: str, seconds: int) -> None:
    """Go on with one target; libFuzzer ends the process itself."""
    target = targets.TARGETS[name]
    corpus = WORK / name / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for n, data in enumerate(target.corpus()):
        (corpus / f"seed-{n}").write_bytes(data)
    words = WORK / name / "words"
    words.write_text("".join(f'"{_quoted(word)}"\n' for word in target.words), encoding="utf-8")

    def change(data: bytes, longest: int, seed: int) -> bytes:
        random = Random(seed)
        return changed(data, target.words, random, longest) if random.random() < 0.7 else atheris.Mutate(data, longest)

    with tempfile.TemporaryDirectory() as folder:
        targets.use_folder(Path(folder))
        options = [*LIMITS, f"-max_total_time={seconds}", f"-dict={words}", f"-artifact_prefix={WORK / name}/"]
        atheris.Setup([name, *options, str(corpus)], target.claim, custom_mutator=change)
        atheris.Fuzz()


def _quoted(word: str) -> str:
    return "".join(char if char.isalnum() else f"\\x{ord(char):02x}" for char in word)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(targets.TARGETS)}; all by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)  # the child that one target has
    given = parser.parse_args(arguments)
    if given.here:
        fuzz(given.targets[0], given.seconds)
    broken = []
    for name in given.targets or targets.TARGETS:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", "tests.fuzz", "--here", "--seconds", str(given.seconds), name]
        if subprocess.run(command, check=False).returncode:
            broken.append(name)
    print(f"broken: {', '.join(broken)}" if broken else "every claim held")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
