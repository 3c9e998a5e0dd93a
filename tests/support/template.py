"""The templates as CloudFormation gets them: SAM's shorthands written out, conditions still in place."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import boto3
import cfn_flip
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Template:
    """Plain data, short tags expanded."""

    document: Mapping[str, Any]

    @classmethod
    def written(cls) -> Template:
        """template.yaml as it stands."""
        return cls(_plain(cfn_flip.load((ROOT / "template.yaml").read_text())[0]))

    @classmethod
    def transformed(cls) -> Template:
        """template.yaml after SAM."""
        document = cfn_flip.load((ROOT / "template.yaml").read_text())[0]
        for resource in document["Resources"].values():
            for code in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
                resource["Properties"][code] = "s3://bucket/built"  # where `sam deploy` puts it
            if "TemplateURL" in resource["Properties"]:
                resource["Properties"]["TemplateURL"] = "https://s3.amazonaws.com/bucket/built"
        translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
        return cls(_plain(translator.translate(document, {})))

    @classmethod
    def nested(cls, name: str) -> Template:
        """infra/storage.yaml, infra/alarms.yaml."""
        return cls(_plain(cfn_flip.load((ROOT / f"infra/{name}.yaml").read_text())[0]))

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Resources of one type ("AWS::Lambda::Function"): properties by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.document["Resources"].items()
            if resource["Type"] == kind
        }

    def attribute(self, kind: str, attribute: str) -> dict[str, Any]:
        """DeletionPolicy and its like, by logical id."""
        return {
            name: resource.get(attribute)
            for name, resource in self.document["Resources"].items()
            if resource["Type"] == kind
        }


@dataclass(frozen=True)
class Templates:
    """What makes up a system: `written` is template.yaml as it stands, `system` after SAM."""

    written: Template
    system: Template
    storage: Template
    alarms: Template

    @classmethod
    def all(cls) -> Templates:
        return cls(Template.written(), Template.transformed(), Template.nested("storage"), Template.nested("alarms"))

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Resources of one type wherever they are: properties by logical id."""
        return self.system.of(kind) | self.storage.of(kind) | self.alarms.of(kind)

    def attribute(self, kind: str, attribute: str) -> dict[str, Any]:
        """See Template.attribute."""
        parts = (self.system, self.storage, self.alarms)
        return {name: one for part in parts for name, one in part.attribute(kind, attribute).items()}


def shown(value: Any) -> str:  # noqa: PLR0911 - one a form
    """A value in one line, as a reviewer reads it: ${Resource.Attribute} for what is only known when deployed."""
    match value:
        case str() | int():
            return str(value)
        case {"Ref": name}:
            return "${" + name + "}"
        case {"Fn::GetAtt": [name, attribute]}:
            return "${" + f"{name}.{attribute}" + "}"
        case {"Fn::GetAtt": str(name)}:
            return "${" + name + "}"
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::Split": [_, joined]}:
            return shown(joined)
        case {"Fn::Sub": [str(text), dict(own)]}:
            return reduce(lambda said, name: said.replace("${" + name + "}", shown(own[name])), own, text)
    return json.dumps(value)


def _plain(document: Any) -> dict[str, Any]:
    """Without the ordered kinds of mapping that its readers make, each of which is slow to copy."""
    plain: dict[str, Any] = json.loads(json.dumps(document))
    return plain


def each(value: Any) -> list[Any]:
    """One or many, as IAM takes both; and what only a condition adds."""
    return [if_any(one) for one in (value if isinstance(value, list) else [value])]


def if_any(value: Any) -> Any:
    """What stands there where its condition holds."""
    match value:
        case {"Fn::If": [_, then, {"Ref": "AWS::NoValue"}]}:
            return then
    return value


def pieces(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key with its value, at any depth."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield key, one
            yield from pieces(one)
    elif isinstance(value, list):
        for one in value:
            yield from pieces(one)


if __name__ == "__main__":  # for scanners
    json.dump(Template.transformed().document, sys.stdout)
