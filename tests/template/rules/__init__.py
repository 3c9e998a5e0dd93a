"""What the templates must keep to, as functions of them: each says what it finds wrong."""

from __future__ import annotations

from tests.template.rules import access, deployments, doors, functions, parameters, queues, storage, watching
from tests.template.rules.rule import RULES

__all__ = ["RULES", "access", "deployments", "doors", "functions", "parameters", "queues", "storage", "watching"]
