"""Every route leads to a handler that serves it, and a handler serves no other."""

from __future__ import annotations

import re

import pytest

from tests.support.aws import set_environment
from tests.support.template import Templates
from tests.template.rules.doors import PUBLIC, routes

set_environment()

from functions.activate_model import handler as activate_model  # noqa: E402 - reads the environment
from functions.manage_decisions import handler as manage_decisions  # noqa: E402
from functions.manage_erasures import handler as manage_erasures  # noqa: E402
from functions.manage_models import handler as manage_models  # noqa: E402
from functions.rank_offers import handler as rank_offers  # noqa: E402
from functions.report_performance import handler as report_performance  # noqa: E402

HANDLERS = {
    "ManageModels": manage_models,
    "ManageDecisions": manage_decisions,
    "ActivateModel": activate_model,
    "RankOffers": rank_offers,
    "ReportPerformance": report_performance,
    "ManageErasures": manage_erasures,
}


@pytest.mark.parametrize("function", HANDLERS)
def test_routes_and_handlers_name_the_same_operations(function: str, templates: Templates) -> None:
    uri = re.compile(rf"functions/\$\{{{function}Aliaslive\}}/invocations$")
    routed = {
        route
        for route, one in routes(templates).items()
        if uri.search(one["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"])
    }
    operations = HANDLERS[function].api.operations
    assert routed == {(one.method, one.path) for one in operations}
    assert {(one.method, one.path) for one in operations if one.needs is None} == routed & PUBLIC
