"""The deployed stack, and the role in it that reads objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from infra.doctor.shell import quoted
from infra.doctor.statements import Asked
from infra.redrive import STORAGE
from offer_ranking.catalog.dataset import Dataset
from offer_ranking.storage.datasets import Datasets

SIGNED = '-H "Authorization: Bearer $TOKEN"'  # what curl sends with each request to the API


@dataclass(frozen=True)
class Place:
    """The deployed stack: what of it a bucket has to fit.

    `client` makes a client of a service by its name, in the caller's region or that of `region_name`.
    """

    client: Callable[..., Any]
    stack: str

    @cached_property
    def described(self) -> Mapping[str, Any]:
        (one,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return dict(one)

    @cached_property
    def is_there(self) -> bool:
        """Whether there is such a stack in the region of the clients; so it seems when looking is refused."""
        try:
            return bool(self.described)
        except ClientError as error:
            return error.response["Error"]["Code"] != "ValidationError"

    @cached_property
    def parameters(self) -> dict[str, str]:
        return {one["ParameterKey"]: one["ParameterValue"] for one in self.described["Parameters"]}

    @cached_property
    def outputs(self) -> dict[str, str]:
        return {one["OutputKey"]: one["OutputValue"] for one in self.described["Outputs"]}

    @property
    def region(self) -> str:
        return str(self.described["StackId"]).split(":")[3]

    @cached_property
    def rule(self) -> str:
        """The name of the rule that hears of objects."""
        return self._physical(self._physical(self.stack, STORAGE), "DatasetEvents").rpartition("/")[2]

    @cached_property
    def datasets(self) -> list[Dataset]:
        """Those in all buckets."""
        return Datasets(self.client("dynamodb"), self.outputs["CatalogTable"]).all()

    @cached_property
    def role(self) -> str:
        """The ARN of the role that reads objects."""
        name = self._physical(self.stack, "RefreshRankingsRole")
        return str(self.client("iam").get_role(RoleName=name)["Role"]["Arn"])

    def asked(self, action: str, resource: str, region: str) -> Asked:
        """What the role asks of a resource's own policy; `region`: that of the bucket."""
        account = self.role.split(":")[4]
        known = {
            "aws:securetransport": "true", "aws:principalarn": self.role, "aws:principalaccount": account,
            "aws:principaltype": "AssumedRole", "aws:principalisawsservice": "false",
            "kms:calleraccount": account, "kms:viaservice": f"s3.{region}.amazonaws.com",
        }  # fmt: skip
        return Asked(self.role, action, resource, known)

    def refusal(self, action: str, resource: str) -> str | None:
        """Why the role's own policies do not allow this; None when they do."""
        answer = self.client("iam").simulate_principal_policy(
            PolicySourceArn=self.role, ActionNames=[action], ResourceArns=[resource]
        )
        (result,) = answer["EvaluationResults"]
        if result["EvalDecision"] == "allowed":
            return None
        if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
            return "a policy of the organization denies it"
        if not result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
            return "the role's permissions boundary does not allow it"
        return "a policy of it denies it" if result["EvalDecision"] == "explicitDeny" else "no policy of it allows it"

    def simulation(self, action: str, resource: str) -> str:
        """The command that names the statements which decide this."""
        return (
            f"aws iam simulate-principal-policy --policy-source-arn {quoted(self.role)} --action-names {action} "
            f"--resource-arns {quoted(resource)}"
        )

    def listed(self, parameter: str) -> list[str]:
        """The values of a parameter that is a list."""
        return [one.strip() for one in self.parameters.get(parameter, "").split(",") if one.strip()]

    def with_one_more(self, parameter: str, value: str) -> str:
        """The command that adds a value to a parameter that is a list, and leaves the others."""
        values = "\\,".join([*self.listed(parameter), value])
        kept = [f"ParameterKey={one},UsePreviousValue=true" for one in self.parameters if one != parameter]
        given = " ".join(quoted(one) for one in [f"ParameterKey={parameter},ParameterValue={values}", *kept])
        rights = "--capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
        return (
            f"aws cloudformation update-stack --stack-name {quoted(self.stack)} --use-previous-template {rights} "
            f"--parameters {given}"
        )

    def _physical(self, stack: str, logical: str) -> str:
        found = self.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])
