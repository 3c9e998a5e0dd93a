"""A dataset: where events lie in S3, how they are to be read, and whether they are of the kind that teaches."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
    WrapValidator,
    computed_field,
    model_validator,
)

from offer_ranking.catalog.errors import InUseError, UnsuitableError
from offer_ranking.catalog.mapping import FIELDS, LONGEST_PATH, FieldMapping, field_mapping, written
from offer_ranking.catalog.schema import PROPOSITION_INTERACTIONS, UnknownSchemaError, field_groups
from offer_ranking.catalog.value import Description, Moment, Name, Value

MOST_FIELD_GROUP_BYTES = 1 << 16
"""Of a schema's field groups as JSON. Items of DynamoDB end at 400 KiB: an audit record holds them twice (before,
after), the answer of a create escaped within JSON."""
MAX_PREFIX_BYTES = 512  # half of what an S3 key may have, so that objects below still have names


def _prefix(prefix: str) -> str:
    problems = {
        "must end in '/'": not prefix.endswith("/"),
        "must not start with '/'": prefix.startswith("/"),
        "must not hold an empty, '.' or '..' folder": any(p in {"", ".", ".."} for p in prefix[:-1].split("/")),
        "must not hold control characters": not prefix.isprintable(),
        f"must not exceed {MAX_PREFIX_BYTES} bytes": len(prefix.encode(errors="replace")) > MAX_PREFIX_BYTES,
    }
    for problem, present in problems.items():
        if present:
            raise ValueError(problem)
    return prefix


Prefix = Annotated[str, Field(min_length=2, max_length=MAX_PREFIX_BYTES), AfterValidator(_prefix)]
Bucket = Annotated[str, Field(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9.-]+[a-z0-9]$")]


def _schema(schema: JsonValue) -> JsonValue:
    if not isinstance(schema, str | dict):
        msg = "must be the name of a built-in schema, or an XDM schema document"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns only this into a refusal
    return schema


Schema = Annotated[
    str | dict[str, Any],
    WrapValidator(lambda schema, _: _schema(schema)),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]}),
]


Mapping = Annotated[
    FieldMapping,
    BeforeValidator(lambda given: given if isinstance(given, tuple) else field_mapping(given)),
    PlainSerializer(written, return_type=dict[str, str]),
    WithJsonSchema(
        {
            "type": "object",
            "description": "where fields lie that are named otherwise: keys joined by dots",
            "examples": [{"offer": "columns.offer_id"}],
            "properties": {field: {"type": "string", "minLength": 1, "maxLength": LONGEST_PATH} for field in FIELDS},
            "additionalProperties": False,
        }
    ),
]


class NewDataset(Value):
    """What a person sends to create a dataset. Without bucket and prefix it gets a managed location."""

    name: Name
    description: Description | None = None
    bucket: Bucket | None = None
    prefix: Prefix | None = None
    schema_: Annotated[Schema, Field(alias="schema", description="a built-in's name, or an XDM schema document")]
    mapping: Mapping = Field(default_factory=tuple)

    @model_validator(mode="after")
    def _location_is_whole(self) -> NewDataset:
        if (self.bucket is None) != (self.prefix is None):
            msg = "bucket and prefix go together: give both, or neither for a managed location"
            raise ValueError(msg)
        return self


class DatasetEdit(Value):
    """What a person sends to change a dataset; what is absent stays. A location never changes.

    With another mapping all that lies there is counted anew; until an object is, it counts as it did.
    """

    name: Name | None = None
    description: Description | None = None
    schema_: Annotated[Schema | None, Field(alias="schema")] = None
    mapping: Mapping | None = None


class Dataset(Value):
    """A dataset as it stands."""

    id: str
    name: Name
    description: Description | None
    bucket: Bucket
    prefix: Prefix
    field_groups: tuple[str, ...]
    mapping: Mapping = Field(default_factory=tuple)
    version: int
    created_at: Moment
    updated_at: Moment
    discovered: bool = Field(
        default=False, description="whether all that lay there at creation, or when the mapping changed, is on its way"
    )
    used_by: frozenset[str] = Field(default=frozenset(), description="models that learn from it")
    datastreams: frozenset[str] = Field(default=frozenset(), description="datastreams whose events land in it")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def eligible(self) -> bool:
        """Whether models may learn from it."""
        return PROPOSITION_INTERACTIONS in self.field_groups

    @computed_field  # type: ignore[prop-decorator]
    @property
    def reason(self) -> str | None:
        """Why it is not eligible."""
        if self.eligible:
            return None
        return 'The schema lacks the field group "Experience Event - Proposition Interactions".'

    @property
    def is_managed(self) -> bool:
        """Whether it lies where the deployment itself may write: only there can collected events land."""
        return self.prefix == _managed_prefix(self.id)

    def holds(self, bucket: str, key: str) -> bool:
        """Whether an object belongs to it.

        A folder's own placeholder does not, nor what tools that write data put beside it: the manifests of Experience
        Platform's exports, markers (_SUCCESS), what is hidden or half written (.part-0001).
        """
        name = key.rpartition("/")[2]
        is_aside = not name or name[0] in "_." or (name.startswith("manifest") and name.endswith(".json"))
        return bucket == self.bucket and key.startswith(self.prefix) and not is_aside


def define_dataset(
    new: NewDataset,
    *,
    id: str,  # noqa: A002 - the field is called id
    now: datetime,
    managed_bucket: str,
    buckets: frozenset[str],
) -> Dataset:
    """A new dataset. `buckets` are those the deployment may read. Raises UnsuitableError."""
    bucket = new.bucket or managed_bucket
    if bucket not in buckets:
        raise UnsuitableError("/bucket", f"This deployment may not read the bucket {bucket!r}.")
    return Dataset(
        id=id,
        name=new.name,
        description=new.description,
        bucket=bucket,
        prefix=new.prefix or _managed_prefix(id),
        field_groups=_groups(new.schema_),
        mapping=new.mapping,
        version=1,
        created_at=now,
        updated_at=now,
    )


def _managed_prefix(id: str) -> str:  # noqa: A002 - the field is called id
    return f"datasets/{id}/"


def edit_dataset(dataset: Dataset, edit: DatasetEdit, *, now: datetime) -> Dataset:
    """The dataset as edited, one version on; itself when nothing changes.

    Raises UnsuitableError, and InUseError when the edit would take the field group from under its users.
    """
    changes: dict[str, Any] = {}
    if edit.name is not None:
        changes["name"] = edit.name
    if "description" in edit.model_fields_set:
        changes["description"] = edit.description
    if edit.schema_ is not None:
        changes["field_groups"] = _groups(edit.schema_)
    if edit.mapping is not None and edit.mapping != dataset.mapping:
        changes |= {"mapping": edit.mapping, "discovered": False}
    edited = dataset.model_copy(update=changes)
    if edited == dataset:
        return dataset
    if dataset.eligible and not edited.eligible:
        check_unused(dataset)
    return edited.model_copy(update={"version": dataset.version + 1, "updated_at": now})


def check_unused(dataset: Dataset) -> None:
    """Raises InUseError for one that models learn from, or that gets the events of datastreams."""
    if users := dataset.used_by | dataset.datastreams:
        raise InUseError("dataset", users)


def _groups(schema: Schema) -> tuple[str, ...]:
    try:
        found = field_groups(schema)
    except UnknownSchemaError as error:
        raise UnsuitableError("/schema", str(error)) from error
    size = len(json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode())
    if size > MOST_FIELD_GROUP_BYTES:
        detail = f"The schema's field groups have {size} bytes, more than {MOST_FIELD_GROUP_BYTES}."
        raise UnsuitableError("/schema", detail)
    return found
