"""The running system: emulator, storage, issuer, handlers, API, queues and workflows, from the first to the last."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from infra.local import ROOT, queues, runtime, workflows
from infra.local.code_flow import CodeFlow
from infra.local.emulator import CREDENTIALS, Emulator
from infra.local.gateway import Gateway
from infra.local.issuer import Issuer
from infra.local.runtime import LocalFunction
from infra.local.template import REGION, Function, Template
from infra.local.web import Server, Site
from infra.local.workflows import Door

FOLDER = ROOT / ".local"  # where a run leaves its files, unless told otherwise; git ignores it
STORAGE = "Storage"  # the logical id of the child stack that is created here
ROOT_API = "Api"  # which API answers at the root of this machine's address; others do below the names of their stages


@dataclass(frozen=True, slots=True)
class System:
    """A system that answers. `datasets_bucket` is where managed datasets lie."""

    url: str
    emulator: Emulator
    issuer: Issuer
    datasets_bucket: str

    def settings(self) -> dict[str, str]:
        """What a client needs, as the variables of `.local/env`."""
        return {
            "AWS_ENDPOINT_URL": self.emulator.endpoint,
            **CREDENTIALS,
            "AWS_REGION": REGION,
            "DATASETS_BUCKET": self.datasets_bucket,
            "ADMIN_CLIENT_SECRET": self.issuer.clients["admin"].secret,
            "RANKER_CLIENT_SECRET": self.issuer.clients["ranker"].secret,
        }

    def aws(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients' types at run time
        """A boto3 client of one of the AWS services."""
        return self.emulator.client(service)


@contextlib.contextmanager
def running(
    *, port: int = 0, aws_port: int = 0, folder: Path, log: TextIO, parameters: Mapping[str, str] = MappingProxyType({})
) -> Iterator[System]:
    """Run the system until the end of the block.

    Args:
        port: of the API; 0 is any free one.
        aws_port: of the AWS services; 0 is any free one.
        folder: takes what the emulator says (`emulator.log`).
        log: takes what the handlers say.
        parameters: of template.yaml, where they differ from its defaults.

    Raises StartError when a port is taken or a service does not start, UnresolvedError when template.yaml holds
    what this runner does not know.

    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_logging_to(log))
        server = stack.enter_context(Server(port))
        # The emulator's stream waits for nothing.
        own = {"OidcIssuer": server.url, "EdgeUrl": f"{server.url}/ee", "DeliverySeconds": "0"}
        template = Template.read(ROOT / "template.yaml", {**own, **parameters})
        emulator = stack.enter_context(Emulator.on(aws_port, folder / "emulator.log"))
        outputs = emulator.create(STORAGE, template.nested_stack(STORAGE))
        template = template.with_outputs({STORAGE: outputs})
        for name, value in template.stored_parameters().items():
            emulator.client("ssm").put_parameter(Name=name, Value=value, Type="String")
        apis, declared, shared = template.apis(), template.functions(), _shared(emulator)
        routed = {route.function for api in apis for route in api.routes}
        functions = stack.enter_context(runtime.loaded(declared, routed, shared, log))
        stack.enter_context(runtime.environment(shared | _union(declared)))  # some is read at the first call only
        issuer = Issuer(server.url)
        door = Door(server.url, functions)
        root, *others = (
            Gateway(api, functions, "" if api.name == ROOT_API else f"/{api.stage}")
            for api in sorted(apis, key=lambda api: api.name != ROOT_API)
        )
        stack.enter_context(server.serving(Site(CodeFlow(issuer), root, others, door)))
        workflows.create(template.state_machines(), door, emulator)
        stack.enter_context(_feeding(template, functions, emulator))
        yield System(server.url, emulator, issuer, outputs["DatasetsName"])


@contextlib.contextmanager
def _feeding(template: Template, functions: Mapping[str, LocalFunction], emulator: Emulator) -> Iterator[None]:
    """Queues and schedules call their functions, each from a thread of its own."""
    stop = threading.Event()
    jobs: list[tuple[str, Any]] = []
    for source in template.queue_sources():
        poller = queues.Poller(source, functions[source.function], emulator.client("sqs"))
        jobs.append((source.queue_arn.rpartition(":")[2], poller.run))
    for schedule in template.schedules():
        job = partial(queues.run_schedule, schedule, functions[schedule.function])
        jobs.append((f"schedule of {schedule.function}", job))
    threads = queues.started(jobs, stop)
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _shared(emulator: Emulator) -> dict[str, str]:
    """What leads every AWS client of this process to the emulator, past whatever the user has set up."""
    return {
        "AWS_ENDPOINT_URL": emulator.endpoint,
        **CREDENTIALS,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_METRICS_DISABLED": "true",  # they are lines on standard output, for CloudWatch to pick up
    }


def _union(functions: Mapping[str, Function]) -> dict[str, str]:
    """The environment that all functions share in one process. Raises ValueError where two of them disagree."""
    union: dict[str, str] = {}
    for function in functions.values():
        for name, value in function.environment.items():
            if union.setdefault(name, value) != value:
                raise ValueError(f"{function.name} wants another {name} than the functions before it")
    return union


@contextlib.contextmanager
def _logging_to(log: TextIO) -> Iterator[None]:
    """What this package logs goes where the handlers' lines go."""
    logger, handler = logging.getLogger(__package__), logging.StreamHandler(log)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
