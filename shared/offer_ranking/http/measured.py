"""Numbers of a request in its line of the log, out of which CloudWatch makes metrics: the embedded metric format.

So a request costs one line, and what is measured of it stands beside what it was. The metrics have no dimension: an
alarm watches one, whichever function tells of it, and their namespace is the stack's own.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any


def timed(values: Mapping[str, float], milliseconds: float) -> dict[str, float]:
    """What was measured of a ranking, with its `Latency`; nothing where nothing was ranked."""
    return {**values, "Latency": milliseconds} if values else {}


def measured(values: Mapping[str, float]) -> dict[str, Any]:
    """Keys for the line, metrics by name; none where nothing was measured."""
    if not values:
        return {}
    told = {
        "Namespace": os.environ["POWERTOOLS_METRICS_NAMESPACE"],
        "Dimensions": [[]],
        "Metrics": [{"Name": name} for name in values],
    }
    return {**values, "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [told]}}
