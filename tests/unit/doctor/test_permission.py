"""What the role's own policies let it do, and the command that names the statement to change."""

from __future__ import annotations

from infra.doctor import permission
from tests.support.doctor import ARN, PREFIX, REFUSED, Account


def test_a_bucket_is_listed_by_its_own_name_and_an_object_got_by_its() -> None:
    account = Account({"SimulatePrincipalPolicy": REFUSED})
    lists, gets = permission.look(account.bucket(), account.place)
    assert lists.mend.endswith(f"--action-names s3:ListBucket --resource-arns {ARN}")
    assert gets.mend.endswith(f"--action-names s3:GetObject --resource-arns {ARN}/{PREFIX}events.json")
