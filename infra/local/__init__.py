"""The whole system on one machine: the same handlers, wired as template.yaml says, over an emulator of AWS."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Where Lambda has the layer on the path (/opt/python), this process has the folder that the layer is made of.
if str(ROOT / "shared") not in sys.path:
    sys.path.insert(0, str(ROOT / "shared"))
