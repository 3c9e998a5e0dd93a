"""`python -m infra.parameters`: writes the table of the template's parameters into docs/deploy.md."""

from __future__ import annotations

import sys
from pathlib import Path

import cfn_flip

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "deploy.md"
BEGIN, END = "<!-- parameters: python -m infra.parameters -->\n", "<!-- end of parameters -->\n"
# What bills while nobody calls, beyond the default's; all else costs nothing idle.
IDLE_USD = {
    "KmsKeyArn": "1 a month and key",
    "DatasetKmsKeyArns": "your keys' own",
    "SnapStart": "of each function's memory, by the second: 10 a month for all, about",
    "RankProvisionedConcurrency": "11 a month each",
    "WebAcl": "about 7 a month",
    "Dashboard": "3 a month, after three",
    "AccessLogsBucket": "what it holds",
}


def table() -> str:
    """The parameters in the template's order: name, default, what it is for, what it costs idle."""
    template = cfn_flip.load((ROOT / "template.yaml").read_text(encoding="utf-8"))[0]
    rows = ["| parameter | default | what it is for | USD idle |", "| --- | --- | --- | --- |"]
    for name, one in template["Parameters"].items():
        default = f"`{one['Default']}`" if str(one["Default"]) else ""
        told = one.get("Description") or "Days for which every log is kept"
        rows.append(f"| `{name}` | {default} | {told.replace('<', '&lt;')} | {IDLE_USD.get(name, '')} |")
    return "\n".join(rows) + "\n"


def document() -> str:
    """docs/deploy.md with the table as it should be."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    sys.exit(DOCUMENT.write_text(document(), encoding="utf-8") == 0)
