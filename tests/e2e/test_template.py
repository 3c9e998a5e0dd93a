"""What the runner reads from template.yaml, and what it refuses to guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.local import ROOT
from infra.local.intrinsics import Resolver, UnresolvedError
from infra.local.template import Template


def resolver(**references: Any) -> Resolver:
    conditions = {"IsSet": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Name"}, ""]}]}}
    return Resolver(references, {"Storage.Outputs.Table": "table-1"}, conditions)


@pytest.mark.parametrize(
    ("piece", "means"),
    [
        ({"Ref": "Name"}, "shop"),
        ({"Fn::Sub": "${Name}/${Storage.Outputs.Table}/${!Literal}"}, "shop/table-1/${Literal}"),
        ({"Fn::Sub": ["${Own}-${Name}", {"Own": {"Ref": "Name"}}]}, "shop-shop"),
        ({"Fn::GetAtt": ["Storage", "Outputs.Table"]}, "table-1"),
        ({"Fn::If": ["IsSet", "yes", {"Ref": "Nowhere"}]}, "yes"),
        ({"Fn::Join": [",", {"Fn::Split": [".", "a.b"]}]}, "a,b"),
        ({"Fn::Select": ["1", ["a", "b"]]}, "b"),
        ({"Fn::And": [{"Condition": "IsSet"}, {"Fn::Or": [{"Condition": "IsSet"}]}]}, True),
        ({"kept": "a", "left out": {"Ref": "AWS::NoValue"}}, {"kept": "a"}),
        (["a", {"Ref": "AWS::NoValue"}], ["a"]),
    ],
)
def test_an_intrinsic_means_what_cloudformation_says(piece: Any, means: Any) -> None:
    assert resolver(Name="shop").resolve(piece) == means


@pytest.mark.parametrize(
    ("piece", "named"),
    [
        ({"Fn::ImportValue": "x"}, "Fn::ImportValue"),
        ({"Ref": "UserPool"}, "UserPool"),
        ({"Fn::GetAtt": ["UserPool", "Arn"]}, r"UserPool\.Arn"),
        ({"Fn::If": ["Unheard", 1, 2]}, "Unheard"),
    ],
)
def test_what_is_not_understood_is_named(piece: Any, named: str) -> None:
    with pytest.raises(UnresolvedError, match=named):
        resolver().resolve(piece)


def test_a_parameter_that_the_template_lacks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Parameters: {A: {Type: String}}\nResources: {}\n")

    with pytest.raises(UnresolvedError, match="NoSuch"):
        Template.read(tmp_path / "template.yaml", {"NoSuch": "x"})


def test_every_route_of_the_template_is_served_by_a_function_of_it() -> None:
    template = Template.read(ROOT / "template.yaml", {"OidcIssuer": "http://127.0.0.1:1"})
    api, edge = template.apis()
    public = {(one.stage, route.path) for one in (api, edge) for route in one.routes if route.authorizer is None}

    console = {("v1", "/"), ("v1", "/console"), ("v1", "/console/{file+}")}
    assert public == {("v1", "/health"), ("v1", "/openapi.json"), ("ee", "/{path+}")} | console
    assert {route.authorizer for route in api.routes} - {None} == api.authorizers.keys()
