"""The very template, built by SAM and deployed onto an empty MiniStack, seen from outside."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx

from infra.local.emulator import Emulator
from infra.local.template import REGION

ROOT = Path(__file__).parents[2]
BUILT = ROOT / ".aws-sam" / "build"
SAM = ROOT / os.environ.get("SAM", ".venvs/sam/bin/sam")
# Whom MiniStack takes for the account's root, and asks no policy about, when it enforces IAM (AUTH=true).
ROOT_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_NAME = "offers"
LISTED = "events-of-others"  # a bucket beside the stack's own that it may read, once somebody makes it


def build(root: Path = ROOT) -> Path:
    """What `make build` does, in the tree at `root`; returns the folder of what it made."""
    _run([str(root / "infra" / "build")], {"SAM": str(SAM)})
    return root / BUILT.relative_to(ROOT)


_STATES = "states:${AWS::Region}:${AWS::AccountId}"
# MiniStack has no CodeDeploy, and does not tell SAM the parameters: their defaults decide what SAM makes.
_NO_CANARY = (
    "template.yaml",
    "  Canary:\n    Type: String\n    Default: 'true'",
    "  Canary:\n    Type: String\n    Default: 'false'",
)
_LIFTED = (
    # Queues and buckets may be spoken to without TLS, which MiniStack has none of.
    ("Storage/template.yaml", "aws:SecureTransport: 'false'", "aws:SecureTransport: neither"),
    # MiniStack knows no ARN of a Map Run, and asks whether all of them may be described.
    *(
        ("template.yaml", f"arn:${{AWS::Partition}}:{_STATES}:mapRun:${{{machine}.Name}}/objects:*", '"*"')
        for machine in ("BackfillDataset", "EraseProfile")
    ),
)  # fmt: skip


def lifted(built: Path) -> AbstractContextManager[None]:
    """Lift what no system on MiniStack can keep to when it enforces IAM; the rules are held by tests/template."""
    return _rewritten(built, _LIFTED)


@contextmanager
def _rewritten(built: Path, changes: Iterable[tuple[str, str, str]]) -> Iterator[None]:
    as_built = {built / name: (built / name).read_text() for name, _, _ in changes}
    for name, text, instead in changes:
        assert text in (built / name).read_text(), text
        (built / name).write_text((built / name).read_text().replace(text, instead))
    try:
        yield
    finally:
        for file, text in as_built.items():
            file.write_text(text)


@dataclass(frozen=True)
class Stack:
    """A deployed stack."""

    emulator: Emulator
    name: str = _NAME

    @classmethod
    def deploy(cls, emulator: Emulator, built: Path) -> Stack:
        """What `make deploy` does, without its questions; over what is deployed there, if something is."""
        template = ["--template-file", str(built / "template.yaml")]
        arguments = ["--stack-name", _NAME, "--resolve-s3", "--no-confirm-changeset", "--no-progressbar"]
        arguments.append("--no-fail-on-empty-changeset")
        rights = ["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
        listed = f"DatasetBucketArns=arn:aws:s3:::{LISTED}"
        parameters = ["--parameter-overrides", f"AwsEndpointUrl={emulator.endpoint}", listed]
        environment = {**ROOT_KEYS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": emulator.endpoint}
        has_canaries = "\n  Canary:\n" in (built / "template.yaml").read_text()  # earlier releases have none
        with _rewritten(built, [_NO_CANARY] if has_canaries else []):
            _run([str(SAM), "deploy", *template, *arguments, *rights, *parameters], environment)
        return cls(emulator)

    def beside(self, name: str, **parameters: str) -> Stack:
        """The same template once more, under another name: what SAM packaged is there already."""
        self._update("create", name, parameters | {"AwsEndpointUrl": self.emulator.endpoint, "ApiLogsRole": "exists"})
        return Stack(self.emulator, name)

    def changed(self, **parameters: str) -> None:
        """Deploy over what is deployed, with other parameters."""
        self._update("update", self.name, parameters)
        self.__dict__.pop("outputs", None)

    def _update(self, verb: str, name: str, parameters: Mapping[str, str]) -> None:
        cloudformation, s3 = self.client("cloudformation"), self.client("s3")
        body = cloudformation.get_template(StackName=self.name, TemplateStage="Original")["TemplateBody"]
        s3.create_bucket(Bucket="templates")  # CloudFormation takes 51,200 bytes at once, and more from a bucket
        s3.put_object(Bucket="templates", Key=name, Body=body.encode())
        kept = [] if verb == "create" else (self.parameters.keys() - parameters.keys())
        getattr(cloudformation, f"{verb}_stack")(
            StackName=name,
            TemplateURL=f"{self.emulator.endpoint}/templates/{name}",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
            + [{"ParameterKey": key, "UsePreviousValue": True} for key in kept],
        )
        waiter = cloudformation.get_waiter(f"stack_{verb}_complete")
        waiter.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})

    @property
    def parameters(self) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}

    def client(self, service: str, region_name: str = REGION) -> Any:
        """A boto3 client of the account's root."""
        return boto3.client(
            service,
            endpoint_url=self.emulator.endpoint,
            region_name=region_name,
            aws_access_key_id=ROOT_KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ROOT_KEYS["AWS_SECRET_ACCESS_KEY"],
        )

    @cached_property
    def outputs(self) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def environment(self, function: str) -> dict[str, str]:
        """The variables that a function was deployed with, by its logical id."""
        cloudformation = self.client("cloudformation")
        detail = cloudformation.describe_stack_resource(StackName=self.name, LogicalResourceId=function)
        name = detail["StackResourceDetail"]["PhysicalResourceId"]
        variables = self.client("lambda").get_function_configuration(FunctionName=name)["Environment"]
        return dict(variables["Variables"])

    def token(self, client: str, *permissions: str) -> str:
        """An access token of the client `Admin` or `Ranker`, with its own permissions or only the named ones."""
        pool, client_id = self.outputs["UserPoolId"], self.outputs[f"{client}ClientId"]
        cognito = self.client("cognito-idp")
        described = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]
        form = {"grant_type": "client_credentials"}
        if permissions:
            form["scope"] = " ".join(f"offer-ranking/{permission}" for permission in permissions)
        answer = httpx.post(self.outputs["TokenUrl"], data=form, auth=(client_id, described["ClientSecret"]))
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, headers: Mapping[str, str] = {}
    ) -> httpx.Response:
        """One request to the API."""
        given = {"Authorization": f"Bearer {token}"} if token else {}
        host = {"Host": self.host("ApiUrl", "execute-api")}
        url = f"{self.emulator.endpoint}/v1{path}"
        return httpx.request(method, url, json=body, headers=host | given | dict(headers), timeout=60)

    def host(self, output: str, service: str) -> str:
        """By which Host header MiniStack knows what AWS knows by its name in the DNS."""
        identifier = urlsplit(self.outputs[output]).netloc.partition(".")[0]
        region = f".{REGION}" if service == "lambda-url" else ""
        return f"{identifier}.{service}{region}.127.0.0.1:{self.emulator.port}"


@contextmanager
def asking(*asks: Callable[[], httpx.Response]) -> Iterator[list[int]]:
    """Meanwhile somebody asks all of this in turn, without a pause; what they are answered."""
    statuses: list[int] = []
    ends = threading.Event()

    def ask() -> None:
        while not ends.is_set():
            statuses.extend(one().status_code for one in asks)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        ends.set()
        thread.join()


def live_model(stack: Stack, admin: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A dataset and an activated model that learns from it."""
    schema = "experience-event-proposition-interactions"
    dataset = made(stack.call("POST", "/datasets", {"name": name, "schema": schema}, token=admin), 201)
    body = {"name": name, "type": "auto-optimization", "datasetIds": [dataset["id"]]}
    model = made(stack.call("POST", "/models", body, token=admin), 201)
    return dataset, made(stack.call("POST", f"/models/{model['id']}/activate", token=admin), 200)


def made(answer: httpx.Response, status: int) -> Any:
    """The body of an answer, which must have this status."""
    assert answer.status_code == status, f"{answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json()


def eventually(look: Callable[[], Any], holds: Callable[[Any], bool], *, seconds: float) -> Any:
    until = time.monotonic() + seconds
    while not holds(seen := look()) and time.monotonic() < until:
        time.sleep(0.2)
    assert holds(seen), seen
    return seen


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    quiet = {"SAM_CLI_TELEMETRY": "0", "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        command, cwd=ROOT, env=inherited | quiet | dict(environment), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{(done.stdout + done.stderr)[-4000:]}"
