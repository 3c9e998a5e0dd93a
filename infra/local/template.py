"""What template.yaml says of the system: functions, routes, queues, schedules, state machines, the storage stack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cfn_flip

from infra.local.intrinsics import Resolver, UnresolvedError

ACCOUNT = "000000000000"
REGION = "us-east-1"
_PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "local",
    "AWS::URLSuffix": "amazonaws.com",
}
_API, _FUNCTION, _MACHINE = "AWS::Serverless::Api", "AWS::Serverless::Function", "AWS::Serverless::StateMachine"


@dataclass(frozen=True, slots=True)
class Function:
    """A function by its logical id; `handler` is importable ("functions.rank_offers.handler", "lambda_handler")."""

    name: str
    handler: tuple[str, str]
    environment: Mapping[str, str]
    timeout_seconds: int
    memory_megabytes: int


@dataclass(frozen=True, slots=True)
class Route:
    """A method and path of an API, and the function behind; `authorizer` is None for a public one."""

    method: str
    path: str
    function: str
    authorizer: str | None


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A TOKEN authorizer: its function, and how long its policy holds for a token."""

    function: str
    seconds_kept: int


@dataclass(frozen=True, slots=True)
class QueueSource:
    """A queue that feeds a function."""

    queue_arn: str
    function: str
    batch_size: int
    window_seconds: int
    partial_failures: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function called with the same input at a fixed rate."""

    function: str
    every_seconds: int
    input: str


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A state machine by its physical name; `definition` is in Amazon States Language."""

    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class NestedStack:
    """A child stack: its file, and the parameters that it is created with."""

    file: Path
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """How API Gateway words an answer of its own. None: as API Gateway does by itself.

    Headers are quoted texts, or `method.request.header.<name>`: what the request said.
    """

    status: int | None
    headers: Mapping[str, str]
    body: str | None


@dataclass(frozen=True, slots=True)
class RestApi:
    """A REST API by its logical id.

    Args:
        name: the logical id.
        stage: the first step of its addresses on AWS.
        routes: with the functions behind.
        authorizers: by name.
        own_answers: how it words answers of its own, by kind.
        takes_binary: whether bodies reach the functions as base64.
        compressed_from: how large an answer, in bytes, must be to be compressed when asked; None: none is.

    """

    name: str
    stage: str
    routes: list[Route]
    authorizers: Mapping[str, Authorizer]
    own_answers: Mapping[str, GatewayResponse]
    takes_binary: bool
    compressed_from: int | None


@dataclass(frozen=True, slots=True)
class Template:
    """The template at `file`, resolved against parameters and the outputs of its child stacks.

    Args:
        document: the template as plain data, short tags expanded.
        stack_outputs: outputs of the child stacks that exist, by the stack's logical id.

    """

    folder: Path
    document: Mapping[str, Any]
    parameters: Mapping[str, str]
    stack_outputs: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, file: Path, parameters: Mapping[str, str]) -> Template:
        """Read a template. Raises UnresolvedError for a parameter that it does not have."""
        document = cfn_flip.load(file.read_text(encoding="utf-8"))[0]
        unknown = parameters.keys() - document.get("Parameters", {}).keys()
        if unknown:
            raise UnresolvedError(f"{file.name} has no parameter {', '.join(sorted(unknown))}")
        return cls(file.parent, document, parameters, {})

    def with_outputs(self, stack_outputs: Mapping[str, Mapping[str, str]]) -> Template:
        """The same template, once its child stacks exist."""
        return Template(self.folder, self.document, self.parameters, stack_outputs)

    def nested_stack(self, name: str) -> NestedStack:
        """One child stack. Raises UnresolvedError."""
        properties = self.document["Resources"][name]["Properties"]
        given = self._resolver().resolve(properties.get("Parameters", {}))
        parameters = {key: ",".join(one) if isinstance(one, list) else str(one) for key, one in given.items()}
        return NestedStack(self.folder / properties["TemplateURL"], parameters)

    def functions(self) -> dict[str, Function]:
        """Every function, by logical id. Raises UnresolvedError."""
        return {name: self._function(name, own) for name, own in self._resources(_FUNCTION)}

    def apis(self) -> list[RestApi]:
        """Every REST API. Raises UnresolvedError."""
        return [self._api(name, resource["Properties"]) for name, resource in self._resources(_API)]

    def queue_sources(self) -> list[QueueSource]:
        """Every queue that feeds a function. Raises UnresolvedError."""
        return [
            QueueSource(
                queue_arn=event["Queue"],
                function=function,
                batch_size=int(event.get("BatchSize", 10)),
                window_seconds=int(event.get("MaximumBatchingWindowInSeconds", 0)),
                partial_failures="ReportBatchItemFailures" in event.get("FunctionResponseTypes", []),
            )
            for function, event in self._events("SQS")
        ]

    def schedules(self) -> list[Schedule]:
        """Every schedule. Raises UnresolvedError."""
        found = []
        for kind in ("Schedule", "ScheduleV2"):
            for function, event in self._events(kind):
                every = _rate(event.get("ScheduleExpression") or event.get("Schedule", ""))
                found.append(Schedule(function, every, event.get("Input", "{}")))
        return found

    def state_machines(self) -> list[StateMachine]:
        """Every state machine. Raises UnresolvedError."""
        resolver = self._resolver()
        return [
            StateMachine(
                resolver.resolve(resource["Properties"]["Name"]),
                json.dumps(resolver.resolve(resource["Properties"]["Definition"])),
            )
            for _, resource in self._resources(_MACHINE)
        ]

    def stored_parameters(self) -> dict[str, str]:
        """Every parameter of Systems Manager: value by name. Raises UnresolvedError."""
        found = (self._resolver().resolve(one["Properties"]) for _, one in self._resources("AWS::SSM::Parameter"))
        return {str(one["Name"]): str(one["Value"]) for one in found}

    def _api(self, name: str, properties: Mapping[str, Any]) -> RestApi:
        auth = properties.get("Auth", {})
        return RestApi(
            name=name,
            stage=str(self._resolver().resolve(properties["StageName"])),
            routes=list(self._routes(name, auth.get("DefaultAuthorizer"))),
            authorizers={one: self._authorizer(own) for one, own in auth.get("Authorizers", {}).items()},
            own_answers={kind: _gateway_response(one) for kind, one in properties.get("GatewayResponses", {}).items()},
            takes_binary="*~1*" in properties.get("BinaryMediaTypes", []),
            compressed_from=properties.get("MinimumCompressionSize"),
        )

    def _routes(self, api: str, default: str | None) -> Iterator[Route]:
        for name, resource in self._resources(_FUNCTION):
            for event in resource["Properties"].get("Events", {}).values():
                properties = event["Properties"]
                if event["Type"] == "Api" and properties["RestApiId"] == {"Ref": api}:
                    chosen = properties.get("Auth", {}).get("Authorizer", default)
                    authorizer = None if chosen == "NONE" else chosen
                    yield Route(properties["Method"].upper(), properties["Path"], name, authorizer)

    def _authorizer(self, properties: Mapping[str, Any]) -> Authorizer:
        arn = self._resolver().resolve(properties["FunctionArn"])
        kept = properties.get("Identity", {}).get("ReauthorizeEvery", 300)
        return Authorizer(arn.rpartition(":")[2], int(self._resolver().resolve(kept)))

    def _function(self, name: str, resource: Mapping[str, Any]) -> Function:
        shared = self.document.get("Globals", {}).get("Function", {})
        properties = {**shared, **resource["Properties"]}
        variables: dict[str, Any] = {}
        for level in (shared, resource["Properties"]):
            variables |= level.get("Environment", {}).get("Variables", {})
        module, _, attribute = properties["Handler"].rpartition(".")
        folder = str(properties["CodeUri"]).strip("./").replace("/", ".")
        return Function(
            name=name,
            handler=(f"{folder}.{module}", attribute),
            environment={key: str(one) for key, one in self._resolver().resolve(variables).items()},
            timeout_seconds=int(self._resolver().resolve(properties.get("Timeout", 3))),
            memory_megabytes=int(self._resolver().resolve(properties.get("MemorySize", 128))),
        )

    def _events(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, resource in self._resources(_FUNCTION):
            for event in resource["Properties"].get("Events", {}).values():
                if event["Type"] == kind:
                    yield name, self._resolver().resolve(event["Properties"])

    def _resources(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, resource in self.document["Resources"].items():
            if resource["Type"] == kind and self._exists(resource):
                yield name, resource

    def _exists(self, resource: Mapping[str, Any]) -> bool:
        return "Condition" not in resource or self._resolver().holds(resource["Condition"])

    def _resolver(self) -> Resolver:
        resources = self.document["Resources"]
        declared = self.document.get("Parameters", {})
        defaults = {name: one["Default"] for name, one in declared.items() if "Default" in one}
        given: dict[str, Any] = _PSEUDO_PARAMETERS | defaults | dict(self.parameters)
        for name, one in declared.items():
            if one["Type"] in {"CommaDelimitedList", "List<String>"} and name in given:
                given[name] = str(given[name]).split(",")
        conditions = self.document.get("Conditions", {})
        functions = [name for name, one in resources.items() if one["Type"] == _FUNCTION]
        attributes = {f"{name}.Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}" for name in functions}
        given |= {f"{name}.Alias": attributes[f"{name}.Arn"] for name in functions}  # one version is here
        for name, one in resources.items():
            if one["Type"] == _MACHINE:
                machine = Resolver(given, {}, conditions).resolve(one["Properties"]["Name"])
                given[name] = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{machine}"
                attributes |= {f"{name}.Name": machine, f"{name}.Arn": given[name]}
        outputs = {
            f"{stack}.Outputs.{key}": value for stack, some in self.stack_outputs.items() for key, value in some.items()
        }
        return Resolver(given, attributes | outputs, conditions)


def _gateway_response(properties: Mapping[str, Any]) -> GatewayResponse:
    headers = properties.get("ResponseParameters", {}).get("Headers", {})
    body = properties.get("ResponseTemplates", {}).get("application/json")
    status = int(properties["StatusCode"]) if "StatusCode" in properties else None
    return GatewayResponse(status, {name: str(value) for name, value in headers.items()}, body)


def _rate(expression: str) -> int:
    """Seconds of a "rate(1 hour)". Raises UnresolvedError for a cron expression."""
    units = {"minute": 60, "hour": 3600, "day": 86_400}
    number, _, unit = expression.removeprefix("rate(").removesuffix(")").partition(" ")
    if not expression.startswith("rate(") or unit.rstrip("s") not in units:
        raise UnresolvedError(f"the one-machine runner does not know the schedule {expression!r}")
    return int(number) * units[unit.rstrip("s")]
