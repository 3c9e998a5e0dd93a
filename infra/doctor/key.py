"""Whether the role may decrypt with the keys that encrypt the bucket's objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.doctor import encryption, statements
from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, ok, unknown, wrong
from infra.doctor.place import Place
from infra.doctor.shell import quoted
from infra.doctor.statements import Applies, Asked


def look(bucket: Bucket, place: Place) -> Iterator[Finding]:
    region = bucket.region or place.region
    kms = place.client("kms", region_name=region)  # objects are encrypted with keys of their own region
    described = [kms.describe_key(KeyId=key)["KeyMetadata"] for key in encryption.keys(bucket, place)]
    keys = {key["Arn"]: key for key in described}  # an alias, an id and an ARN may be of the same key
    if not keys:
        yield ok("key", "encrypted without a key of KMS")
    for key in keys.values():
        yield _state(key) or _access(kms, place.asked("kms:Decrypt", key["Arn"], region), place)


def _state(key: Mapping[str, Any]) -> Finding | None:
    """What a key is like for everybody."""
    arn, state = key["Arn"], key["KeyState"]
    if key["KeyManager"] == "AWS":
        return ok("key", f"{arn} is AWS's own for this account, and lets in whoever may read the bucket")
    if state == "PendingDeletion":
        mend = f"{_command('cancel-key-deletion', arn)} && {_command('enable-key', arn)}"
        return wrong("key", f"{arn} is about to be deleted", mend)
    if state != "Enabled":
        return wrong("key", f"{arn} is {state}", _command("enable-key", arn))
    return None


def _access(kms: Any, ask: Asked, place: Place) -> Finding:  # noqa: ANN401 - boto3's own
    policy = statements.read(kms.get_key_policy(KeyId=ask.resource, PolicyName="default")["Policy"])
    return _denied(policy, ask) or _let_in(policy, _grants(kms, ask), ask, place)


def _denied(policy: Mapping[str, Any], ask: Asked) -> Finding | None:
    arn = ask.resource
    denies = statements.found(policy, "Deny", ask)
    if any(how is Applies.YES for _, how in denies):
        edit = f"{_command('get-key-policy', arn)} --policy-name default --query Policy --output text > key.json"
        put = f"{_command('put-key-policy', arn)} --policy-name default --policy file://key.json"
        return wrong("key", f"the policy of {arn} denies the role kms:Decrypt", f"{edit}; $EDITOR key.json; {put}")
    if denies:
        keys = ", ".join(statements.unknown_keys(ask, *(one for one, _ in denies)))
        return unknown("key", f"the policy of {arn} may deny the role kms:Decrypt: it depends on {keys}")
    return None


def _let_in(policy: Mapping[str, Any], grants: list[Applies], ask: Asked, place: Place) -> Finding:
    """A key lets in whoever it names, if it is of the same account; all others need a policy of their own as well.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
    """
    arn = ask.resource
    allows = statements.found(policy, "Allow", ask)
    named = max([*grants, *(how for one, how in allows if statements.names(one, ask.role))], default=Applies.NO)
    by_key = max([named, *(how for _, how in allows)])
    if by_key is Applies.NO:
        grant = f"{_command('create-grant', arn)} --grantee-principal {quoted(ask.role)} --operations Decrypt"
        return wrong("key", f"neither the policy of {arn} nor a grant lets the role decrypt", grant)
    alone = named if arn.split(":")[4] == ask.account else Applies.NO
    refusal = None if alone is Applies.YES else place.refusal(ask.action, arn)
    lets_in = max(alone, by_key if refusal is None else Applies.NO)
    if lets_in is Applies.YES:
        return ok("key", f"{arn} lets the role decrypt")
    if lets_in is Applies.DEPENDS:
        keys = statements.unknown_keys(ask, *(one for one, _ in allows)) or ["the grant's constraints"]
        return unknown("key", f"whether {arn} lets the role decrypt depends on {', '.join(keys)}")
    listed = arn in place.listed("DatasetKmsKeyArns")
    mend = place.simulation(ask.action, arn) if listed else place.with_one_more("DatasetKmsKeyArns", arn)
    return wrong("key", f"the role may not decrypt with {arn}: {refusal}", mend)


def _grants(kms: Any, ask: Asked) -> list[Applies]:  # noqa: ANN401 - boto3's own
    """Whether those for the role apply: one with constraints depends on what S3 sends along."""
    pages = kms.get_paginator("list_grants").paginate(KeyId=ask.resource)
    grants = [one for page in pages for one in page["Grants"]]
    mine = [one for one in grants if one["GranteePrincipal"] == ask.role and "Decrypt" in one["Operations"]]
    return [Applies.DEPENDS if one.get("Constraints") else Applies.YES for one in mine]


def _command(verb: str, arn: str) -> str:
    """One about a key, in its region: commands go by themselves where their caller's configuration says."""
    return f"aws kms {verb} --key-id {arn} --region {arn.split(':')[3]}"
