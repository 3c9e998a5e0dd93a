"""A person's right to erasure: her events go from wherever they lie, and what was counted of them goes with them."""

from __future__ import annotations

import base64
import gzip
import io
import json
import uuid
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from backports import zstd
from botocore.exceptions import ClientError

from offer_ranking.collecting.erasing import ObjectChangesError
from tests.functions.test_crashes import dies_once
from tests.support.aws import ENVIRONMENT
from tests.support.system import Context, System, display, handler, rest_event, send

ADA, BOB = "ada@example.org", "bob@example.org"
BUCKET = "datasets"
UNKNOWN = str(uuid.UUID(int=7, version=4))


def of(person: str, offer: str, kind: str = "display") -> dict[str, Any]:
    return display(offer, kind=kind) | {"identityMap": {"Email": [{"id": person}]}}


def line(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode() + b"\n"


@pytest.fixture(autouse=True)
def s3(system: System) -> Any:  # noqa: ARG001 - makes the bucket
    """The bucket keeps old versions, as the template's does."""
    client = boto3.client("s3")
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return client


def lies(s3: Any, key: str) -> bytes:
    return bytes(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def versions(s3: Any, key: str) -> list[str]:
    found = s3.list_object_versions(Bucket=BUCKET, Prefix=key).get("Versions", [])
    return [one["VersionId"] for one in found if one["Key"] == key]


def offers(system: System, model: dict[str, Any]) -> dict[str, tuple[int, int]]:
    found = system.call("GET", f"/models/{model['id']}/report", query={"days": "all"}).json["offers"]
    return {one["id"]: (one["impressions"], one["conversions"]) for one in found if one["impressions"]}


def recounted(system: System) -> None:
    """S3 tells of every object, as it does of what was written."""
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert system.notify(BUCKET, *(one["Key"] for one in listed)) == []
    system.settle()


def shown(system: System, erasure_id: str) -> Any:
    reply = system.call("GET", f"/erasures/{erasure_id}")
    assert reply.status == 200, reply.text
    return reply.json


def batch(erasure_id: str, *keys: str) -> dict[str, Any]:
    return {"erase": {"Items": [{"erasureId": erasure_id, "key": key} for key in keys]}}


def worker(event: dict[str, Any], milliseconds: int = 900_000) -> Any:
    return handler("erase_profiles").lambda_handler(event, Context(milliseconds=[milliseconds] * 1000))


def begun(system: System, person: str = ADA) -> str:
    reply = system.call("DELETE", f"/profiles/{person}")
    assert reply.status == 202
    erasure_id: str = reply.json["id"]
    return erasure_id


HERS = [of(ADA, "a"), of(ADA, "a", "interact"), of(ADA, "b")]
HIS = [of(BOB, "a"), of(BOB, "b"), of(BOB, "b", "interact"), display("c")]


def test_what_is_counted_is_what_a_recount_without_her_counts(system: System) -> None:
    dataset, model = system.live_model()
    system.settle()
    copy = HERS[0]  # in two objects
    system.land(dataset, "1.json.gz", [HERS[0], HIS[0], HIS[1], HERS[1]])
    system.land(dataset, "2.json", [HIS[2], copy, HERS[2], HIS[3]], zipped=False)
    system.land(dataset, "only-hers.json.gz", [copy, of(ADA, "d")])
    assert offers(system, model) == {"a": (2, 1), "b": (2, 1), "c": (1, 0), "d": (1, 0)}
    erasure_id = system.erase(f"/profiles/{ADA}")
    recounted(system)

    other = system.create_dataset("without her")
    alone = system.create_model([other["id"]], "without her")
    assert system.call("POST", f"/models/{alone['id']}/activate").status == 200
    system.settle()
    system.land(other, "all.json", HIS, zipped=False)
    assert offers(system, model) == offers(system, alone) == {"a": (1, 0), "b": (1, 1), "c": (1, 0)}
    found = shown(system, erasure_id)
    assert (found["lines"], found["rewritten"], found["versions"]) == (6, 3, 3)
    account = system.call("GET", f"/datasets/{dataset['id']}/accounting").json
    assert account["accounting"]["received"] == account["accounting"]["counted"] == len(HIS)
    assert account["pending"] is False


def zstandard(text: bytes) -> bytes:
    return bytes(zstd.compress(text))


PACKED = {
    "plain": (bytes, bytes),
    "gzip": (lambda text: gzip.compress(text, mtime=0), gzip.decompress),
    "two gzip members": (lambda text: gzip.compress(text[:9]) + gzip.compress(text[9:]), gzip.decompress),
    "zstandard": (zstandard, lambda packed: zstd.ZstdFile(io.BytesIO(packed)).read()),
}


def test_what_is_not_hers_stays_as_it_was_written_and_packed(system: System, s3: Any) -> None:
    kept = [b'{"odd" :   1}\r\n', b"\n", b"broken {\n", line(HIS[0]), b"no end"]
    text = b"".join([kept[0], line(HERS[0]), *kept[1:4], line(HERS[1]), kept[4]])
    about = {"ContentType": "application/x-ndjson", "ContentEncoding": "identity", "Metadata": {"source": "shop"}}
    for name, (pack, _) in PACKED.items():
        s3.put_object(Bucket=BUCKET, Key=name, Body=pack(text), **about)
    erasure_id = system.erase(f"/profiles/{ADA}")
    for name, (_, unpack) in PACKED.items():
        assert unpack(lies(s3, name)) == b"".join(kept), name
        head = s3.head_object(Bucket=BUCKET, Key=name)
        assert (head["ContentType"], head["ContentEncoding"]) == ("application/x-ndjson", "identity")
        assert head["Metadata"] == {"source": "shop", "erasure": erasure_id}


def test_older_versions_go_with_her_and_those_of_others_stay(system: System, s3: Any) -> None:
    for body in (line(HERS[0]), line(HERS[0]) + line(HIS[0])):
        s3.put_object(Bucket=BUCKET, Key="datasets/x/a", Body=body)
    for body in (b"older\n", line(HIS[0])):
        for key in ("datasets/x/a.json", "datasets/x/b"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    untouched = {key: versions(s3, key) for key in ("datasets/x/a.json", "datasets/x/b")}
    assert shown(system, system.erase(f"/profiles/{ADA}"))["versions"] == 2
    assert len(versions(s3, "datasets/x/a")) == 1
    assert lies(s3, "datasets/x/a") == line(HIS[0])
    assert {key: versions(s3, key) for key in untouched} == untouched


def test_she_goes_from_everywhere_in_the_bucket(system: System, s3: Any) -> None:
    record = {"errorCode": "S3", "rawData": base64.b64encode(line(HERS[0])).decode()}
    places = {
        "undelivered/s3/2026/11/28/x": record,
        "datasets/deleted/1.json": HERS[1],
        "elsewhere/of/our/own.json": HERS[2],
        "datasets/x/_manifest.json": HERS[0],
    }
    for key, held in places.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=line(held) + line(HIS[0]))
    system.erase(f"/profiles/{ADA}")
    assert {lies(s3, key) for key in places} == {line(HIS[0])}


def test_her_rankings_know_her_by_their_tokens_alone(system: System, s3: Any) -> None:
    dataset, model = system.live_model()
    system.settle()

    def shown_to(person: str) -> dict[str, Any]:
        body = {"offers": [{"id": "a"}], "profileId": person}
        ranking = system.call("POST", f"/models/{model['id']}/rankings", body).json
        event = display("a")
        event["_experience"]["decisioning"]["propositions"] = [ranking["proposition"] | {"items": [{"id": "a"}]}]
        assert person not in json.dumps(event)
        return event

    key = system.put(dataset, "a.json", [shown_to(ADA), shown_to(BOB)], zipped=False)
    handler("manage_erasures").token_keys._read_at = float("-inf")
    before = lies(s3, key).splitlines(keepends=True)
    system.erase(f"/profiles/{ADA}", namespace="Email")
    assert lies(s3, key).splitlines(keepends=True) == before, "nobody knows what kind of id a ranking was asked with"
    system.erase(f"/profiles/{ADA}")
    assert lies(s3, key).splitlines(keepends=True) == before[1:]


def test_of_a_namespace_only_its_ids_are_meant(system: System, s3: Any) -> None:
    events = [{"identityMap": {name: [{"id": "1001"}]}} for name in ("CRM", "Loyalty")]
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"".join(map(line, events)))
    system.erase("/profiles/1001", namespace="CRM")
    assert lies(s3, "a") == line(events[1])
    system.erase("/erasures", {"identities": [{"id": "nobody"}, {"id": "1001", "namespace": "Loyalty"}]})
    assert lies(s3, "a") == b""


def test_asked_again_it_finds_nothing_and_rewrites_nothing(system: System, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=line(HERS[0]) + line(HIS[0]))
    first = system.erase(f"/profiles/{ADA}")
    stands = versions(s3, "a")
    second = shown(system, system.erase(f"/profiles/{ADA}"))
    assert second["id"] != first
    assert (second["lines"], second["rewritten"], second["versions"]) == (0, 0, 0)
    assert versions(s3, "a") == stands


def test_an_object_that_is_replaced_meanwhile_is_read_again(
    system: System, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=line(HERS[0]) + line(HIS[0]))
    objects, real = handler("erase_profiles").objects, handler("erase_profiles").objects.read
    newer = [line(HERS[1]) + line(HIS[1]), line(HIS[2]) + line(HERS[2])]

    def read(key: str, target: Any) -> Any:
        lying = real(key, target)
        if newer:
            s3.put_object(Bucket=BUCKET, Key=key, Body=newer.pop(0))
        return lying

    monkeypatch.setattr(objects, "read", read, raising=False)
    system.erase(f"/profiles/{ADA}")
    assert lies(s3, "a") == line(HIS[2])
    assert len(versions(s3, "a")) == 1


def test_one_that_keeps_changing_is_given_back_and_one_that_is_deleted_is_done_with(
    system: System, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasure_id, objects, real = begun(system), handler("erase_profiles").objects, handler("erase_profiles").objects.read

    def read(key: str, target: Any, *, deletes: bool = False) -> Any:
        lying = real(key, target)
        if deletes:
            s3.delete_object(Bucket=BUCKET, Key=key)
        else:
            s3.put_object(Bucket=BUCKET, Key=key, Body=line(of(ADA, "a")))
        return lying

    s3.put_object(Bucket=BUCKET, Key="a", Body=line(HERS[0]))
    monkeypatch.setattr(objects, "read", read, raising=False)
    with pytest.raises(ObjectChangesError):
        worker(batch(erasure_id, "a"))
    monkeypatch.setattr(objects, "read", lambda key, target: read(key, target, deletes=True), raising=False)
    assert worker(batch(erasure_id, "a")) == {"Items": []}
    monkeypatch.undo()
    assert worker(batch(erasure_id, "a", "never/was")) == {"Items": []}


PORTS = {"get": "people", "read": "objects", "replace": "objects", "delete_older": "objects", "add": "work"}


def test_a_call_that_died_anywhere_is_made_good_by_the_same_call(
    system: System, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step, port in PORTS.items():
        for after in (False, True):
            key, erasure_id = f"{step} {after}", begun(system)
            s3.put_object(Bucket=BUCKET, Key=key, Body=line(HERS[0]) + line(HIS[0]))
            with monkeypatch.context() as patched:
                dies_once(patched, getattr(handler("erase_profiles"), port), step, after=after)
                with pytest.raises(ConnectionError):
                    worker(batch(erasure_id, key))
                assert worker(batch(erasure_id, key)) == {"Items": []}
            assert lies(s3, key) == line(HIS[0]), key
            assert len(versions(s3, key)) == 1, key


def test_a_request_that_died_half_way_is_asked_for_again(
    system: System, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    manage = handler("manage_erasures")
    for step, port in (("put", manage.people), ("start", manage.erasures)):
        for after in (False, True):
            s3.put_object(Bucket=BUCKET, Key="a", Body=line(HERS[0]) + line(HIS[0]))
            with monkeypatch.context() as patched:
                dies_once(patched, port, step, after=after)
                assert system.call("DELETE", f"/profiles/{ADA}").status == 500
                system.erase(f"/profiles/{ADA}")
            assert lies(s3, "a") == line(HIS[0])


def test_what_fails_comes_last_and_keeps_the_others_from_nothing(
    system: System, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in "abc":
        s3.put_object(Bucket=BUCKET, Key=key, Body=line(HERS[0]) + line(HIS[0]))
    erasure_id, objects, real = begun(system), handler("erase_profiles").objects, handler("erase_profiles").objects.read

    def read(key: str, target: Any) -> Any:
        if key == "a":
            raise ConnectionError(key)
        return real(key, target)

    monkeypatch.setattr(objects, "read", read, raising=False)
    left = handler("erase_profiles").lambda_handler(
        batch(erasure_id, "a", "b", "c"), Context(milliseconds=[900_000, 1])
    )
    assert [one["key"] for one in left["Items"]] == ["c", "a"]
    with pytest.raises(ConnectionError):
        worker({"erase": left})
    assert [lies(s3, key) == line(HIS[0]) for key in "abc"] == [False, True, True]
    with pytest.raises(ConnectionError):
        worker(batch(erasure_id, "a", "b"), milliseconds=1)


def test_what_a_call_has_no_time_for_is_left_to_the_next_one(system: System, s3: Any) -> None:
    for key in "abc":
        s3.put_object(Bucket=BUCKET, Key=key, Body=line(HERS[0]))
    late = Context(milliseconds=[1] * 10)
    system.erase(f"/profiles/{ADA}", context=late)
    assert len(late.milliseconds) == 10 - 2, "one object a call; the last has none behind it"
    assert {lies(s3, key) for key in "abc"} == {b""}
    s3.put_object(Bucket=BUCKET, Key="alone", Body=line(HERS[0]))
    assert worker({"erase": {"erasureId": begun(system), "key": "alone"}}) == {"Items": []}
    assert lies(s3, "alone") == b""


def refusing(code: str) -> Any:
    def refuse(*_: Any, **__: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": ""}}, "operation")

    return refuse


def test_what_cannot_be_read_is_left_and_told(system: System, s3: Any) -> None:
    bodies = {
        "format-zip": b"PK\x03\x04zip",
        "gzip-truncated": b"\x1f\x8b\x08",
        "gzip-corrupt": gzip.compress(line(HERS[0]))[:-8] + bytes(8),
        "parquet-in-gzip": gzip.compress(b"PAR1"),
        "parquet-truncated": b"PAR1 and no more",
    }
    for reason, body in bodies.items():
        s3.put_object(Bucket=BUCKET, Key=f"odd/{reason}", Body=body)
    s3.put_object(Bucket=BUCKET, Key="good", Body=line(HERS[0]))
    found = shown(system, system.erase(f"/profiles/{ADA}"))
    assert (found["lines"], lies(s3, "good")) == (1, b"")
    assert {one["place"]: one["reason"] for one in found["notErased"]} == {f"odd/{one}": one for one in bodies}


def test_what_may_not_be_read_or_written_is_left_and_told(
    system: System, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=line(HERS[0]))
    for call, code, reason in (
        ("get_object", "AccessDenied", "forbidden"),
        ("get_object", "InvalidObjectState", "archived"),
        ("put_object", "AccessDenied", "forbidden"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(handler("erase_profiles").objects._client, call, refusing(code))
            erasure_id = begun(system)
            assert worker(batch(erasure_id, "a")) == {"Items": []}
        (left,) = shown(system, erasure_id)["notErased"]
        assert (left["bucket"], left["place"], left["reason"]) == (BUCKET, "a", reason)
        assert "Delete the person's events" in left["detail"]


def test_what_may_pass_is_tried_again(system: System, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=line(HERS[0]))
    erasure_id = begun(system)
    for call in ("get_object", "put_object"):
        with monkeypatch.context() as patched:
            patched.setattr(handler("erase_profiles").objects._client, call, refusing("SlowDown"))
            with pytest.raises(ClientError):
                worker(batch(erasure_id, "a"))
    assert shown(system, erasure_id)["notErased"] == []


def test_what_is_too_large_to_be_counted_is_left_and_told(
    system: System, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from offer_ranking.counting import object_file  # noqa: PLC0415 - only here
    from offer_ranking.storage import erasable_objects  # noqa: PLC0415

    s3.put_object(Bucket=BUCKET, Key="large", Body=line(HERS[0]) * 3)
    s3.put_object(Bucket=BUCKET, Key="long", Body=b" " * 2000 + line(HERS[0]))
    monkeypatch.setattr(erasable_objects, "LARGEST_OBJECT", 2500)
    monkeypatch.setattr(object_file, "LONGEST_LINE", 1500)
    s3.put_object(Bucket=BUCKET, Key="large", Body=line(HERS[0]) * 30)
    found = shown(system, system.erase(f"/profiles/{ADA}"))
    assert {one["place"]: one["reason"] for one in found["notErased"]} == {
        "large": "too-large", "long": "line-too-long",
    }  # fmt: skip


def test_other_buckets_are_not_written_to_and_told_of(system: System, s3: Any) -> None:
    system.create_dataset("ours")
    theirs = system.create_dataset("theirs", bucket="events-of-others", prefix="shop/web/")
    key = system.put(theirs, "a.json", HERS, zipped=False)
    (left,) = shown(system, system.erase(f"/profiles/{ADA}"))["notErased"]
    assert (left["bucket"], left["place"], left["reason"]) == ("events-of-others", "shop/web/", "another-bucket")
    assert "counts follow" in left["detail"]
    assert s3.get_object(Bucket="events-of-others", Key=key)["Body"].read().count(ADA.encode()) == 3


@pytest.fixture
def everything() -> Any:
    """All that any table holds, and what runs were started with, as text."""

    def read() -> str:
        dynamodb, stepfunctions = boto3.client("dynamodb"), boto3.client("stepfunctions")
        items = [dynamodb.scan(TableName=name)["Items"] for name in dynamodb.list_tables()["TableNames"]]
        runs = stepfunctions.list_executions(stateMachineArn=ENVIRONMENT["ERASURES"])["executions"]
        given = [stepfunctions.describe_execution(executionArn=one["executionArn"])["input"] for one in runs]
        return repr(items) + repr(given)

    return read


def test_whom_it_erases_stands_nowhere_while_it_is_at_work_and_after(
    system: System, s3: Any, everything: Any, caplog: pytest.LogCaptureFixture
) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=line(HERS[0]))
    event = rest_event("DELETE", f"/profiles/{ADA}", headers={"Authorization": f"Bearer {system.tokens['admin']}"})
    erasure_id = send(event | {"resource": "/profiles/{profile_id}"}).json["id"]
    system.call("POST", "/erasures", {"identities": [{"id": ADA}]})
    assert f"'erasure {erasure_id}'" in everything()
    assert ADA not in everything()
    worker(batch(erasure_id, "a"))
    worker({"forget": erasure_id})
    told, kept = repr([vars(record) for record in caplog.records]), everything()
    assert erasure_id in told
    assert ADA not in told + kept
    assert f"'erasure {erasure_id}'" not in kept, "nor can anybody find out by trying"
    assert worker({"forget": erasure_id}) == {}


def test_what_is_forgotten_is_not_erased_by_anything(system: System, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="a", Body=line(HERS[0]))
    erasure_id = system.erase(f"/profiles/{BOB}")
    with pytest.raises(Exception, match="There is no erasure"):
        worker(batch(erasure_id, "a"))
    assert lies(s3, "a") == line(HERS[0])


def test_a_request_says_where_to_look_and_who_asked_is_kept(system: System) -> None:
    reply = system.call("DELETE", f"/profiles/{ADA}")
    assert (reply.status, reply.json["status"]) == (202, "running")
    assert reply.headers["Location"] == f"/erasures/{reply.json['id']}"
    (execution,) = boto3.client("stepfunctions").list_executions(stateMachineArn=ENVIRONMENT["ERASURES"])["executions"]
    started = boto3.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert json.loads(started["input"]) == {"erasureId": reply.json["id"], "seconds": 120}
    found = shown(system, reply.json["id"])
    assert (found["who"], found["status"], found["notErased"]) == ("admin", "running", [])
    assert found["requestedAt"].endswith("Z")


@pytest.mark.parametrize("odd", ["ada/of#example?org", "ada+shop@example.org", "100%41", "שרה"])
def test_an_id_comes_as_it_was_sent(system: System, s3: Any, odd: str) -> None:
    """API Gateway's REST API decodes what a query holds, and nothing of a path.

    As recorded of AWS in localstack/localstack, tests/aws/services/apigateway/test_apigateway_lambda.snapshot.json.
    """
    s3.put_object(Bucket=BUCKET, Key="a", Body=line({"identityMap": {"CRM": [{"id": odd}]}}))
    headers, sent = {"Authorization": f"Bearer {system.tokens['admin']}"}, quote(odd, safe="")
    event = rest_event("DELETE", f"/profiles/{sent}", headers=headers)
    reply = send(event | {"resource": "/profiles/{profile_id}", "pathParameters": {"profile_id": sent}})
    assert reply.status == 202
    worker(batch(reply.json["id"], "a"))
    assert lies(s3, "a") == b""


REFUSED = [
    ("x" * 257, None, "/path/profile_id"),
    ("a\nb", None, "/path/profile_id"),
    ("\ud800", None, "/path/profile_id"),
    ("", None, "/path/profile_id"),
    (ADA, "", "/query/namespace"),
    (ADA, "N" * 257, "/query/namespace"),
]


def test_an_id_that_nobody_can_have_is_refused_by_its_field(system: System) -> None:
    headers = {"Authorization": f"Bearer {system.tokens['admin']}"}
    for profile_id, namespace, pointer in REFUSED:
        query = None if namespace is None else {"namespace": namespace}
        event = rest_event("DELETE", "/profiles/x", query=query, headers=headers)
        reply = send(event | {"pathParameters": {"profile_id": profile_id}})
        assert (reply.status, [one["pointer"] for one in reply.json["errors"]]) == (422, [pointer])
        assert "xx" not in reply.text
        assert ADA not in reply.text
    for identities, pointer in (
        ([], "/identities"),
        ([{"id": "x"}] * 101, "/identities"),
        ([{"id": "x"}, {"id": ""}], "/identities/1/id"),
        ([{"id": 7}], "/identities/0/id"),
        ([{"id": "x", "namespace": ""}], "/identities/0/namespace"),
    ):
        reply = system.call("POST", "/erasures", {"identities": identities})
        assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, pointer)


def test_while_the_keys_of_tokens_cannot_be_read_nothing_is_begun(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = handler("manage_erasures").token_keys
    monkeypatch.setattr(keys._client, "get_item", refusing("InternalServerError"))
    keys._keys, keys._read_at = None, float("-inf")
    assert system.call("DELETE", f"/profiles/{ADA}").status == 503
    keys._failed_at = float("-inf")
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=ENVIRONMENT["ERASURES"])["executions"]
    assert found == []


def test_an_erasure_that_nobody_asked_for_is_not_found(system: System) -> None:
    for bad in ("missing", UNKNOWN, "x" * 10_000, "a b", "{}"):
        assert system.call("GET", f"/erasures/{bad}").status == 404
    started_by_hand = {"stateMachineArn": ENVIRONMENT["ERASURES"], "name": UNKNOWN, "input": "{}"}
    boto3.client("stepfunctions").start_execution(**started_by_hand)
    assert system.call("GET", f"/erasures/{UNKNOWN}").status == 404


def test_the_worker_is_called_by_the_state_machine_only(system: System) -> None:  # noqa: ARG001 - as above
    for event in ({}, {"erase": None}, {"forget": 7}, {"Records": []}):
        with pytest.raises(ValueError, match="neither objects"):
            worker(event)


@pytest.fixture(autouse=True)
def fresh_keys() -> None:
    """Keys of tokens are remembered for minutes, and every test has an AWS of its own."""
    keys = handler("manage_erasures").token_keys
    keys._keys, keys._read_at, keys._failed_at = None, float("-inf"), float("-inf")
