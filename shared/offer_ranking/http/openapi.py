"""The OpenAPI 3.1 document, made from the operations that the functions declare and the types they take and give."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from offer_ranking import __version__
from offer_ranking.http import problem as problems
from offer_ranking.http.api import Operation
from offer_ranking.http.principal import SCOPE_PREFIX, Permission
from offer_ranking.http.problem import Kind, Problem

_CREATES_ONCE = problems.KEY_REUSED
# Without a body there is no other body that a key could come with; a DELETE may be repeated without a key.
_BEGINS_ONCE = ("POST", 202, None)
_MATCHES = problems.MATCH_NEEDED
_PATCH = "application/merge-patch+json"  # taken everywhere, since an edit is nearly one
_RETRY_AFTER = {"description": "seconds after which to ask again", "schema": {"type": "integer", "minimum": 1}}
_REF = "#/components/schemas/{model}"


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document of these operations, JSON types only."""
    declared = list(operations)
    schemas, refs = _schemas(declared)
    paths: dict[str, dict[str, Any]] = {}
    for operation in declared:
        described = paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, refs)
        if links := _links(operation, declared):
            described["responses"][str(operation.status)]["links"] = links
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Offer Ranking",
            "version": __version__,
            "description": "AI models that rank offers by conversion rate.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "oauth2": {
                    "type": "oauth2",
                    "flows": {
                        "clientCredentials": {
                            "tokenUrl": "/oauth2/token",
                            "scopes": {SCOPE_PREFIX + one: one.name.lower() for one in Permission},
                        }
                    },
                }
            },
        },
    }


_Wanted = tuple[str, JsonSchemaMode]


def _types(operations: list[Operation]) -> Iterator[tuple[_Wanted, JsonSchemaMode, TypeAdapter[Any]]]:
    for operation in operations:
        if operation.body is not None:
            yield (operation.id, "validation"), "validation", TypeAdapter(operation.body)
        if operation.gives is not None:
            yield (operation.id, "serialization"), "serialization", TypeAdapter(operation.gives)


def _schemas(operations: list[Operation]) -> tuple[dict[str, Any], dict[_Wanted, Any]]:
    inputs = [*_types(operations), (("problem", "serialization"), "serialization", TypeAdapter(Problem))]
    refs, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    return definitions.get("$defs", {}), {key[0]: ref for key, ref in refs.items()}


def _operation(operation: Operation, refs: dict[_Wanted, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "security": [{"oauth2": [SCOPE_PREFIX + one]} for one in (operation.needs, operation.or_needs) if one],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": _responses(operation, refs),
    }
    if operation.body is not None:
        schema = refs[operation.id, "validation"]
        names = [name for name in operation.takes if name != _PATCH]
        described["requestBody"] = {"required": True, "content": {name: {"schema": schema} for name in names}}
    return described


def _links(operation: Operation, declared: list[Operation]) -> dict[str, Any]:
    """From what makes a thing to all that can be done with it, by its id and, where that is asked for, its ETag."""
    if operation.status != HTTPStatus.CREATED:
        return {}
    of_one = re.compile(rf"/{operation.path.split('/')[1]}/{{(\w+)}}(/\w+)*")
    links: dict[str, Any] = {}
    for other in declared:
        if match := of_one.fullmatch(other.path):
            parameters = {f"path.{match[1]}": "$response.body#/id"}
            if _MATCHES in other.problems:
                parameters["header.If-Match"] = "$response.header.ETag"
            links[other.id] = {"operationId": other.id, "parameters": parameters}
    return links


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = TypeAdapter(operation.query).json_schema()
    definitions = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": _inlined(field, definitions)}
        for name, field in schema["properties"].items()
    ]


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    match schema:
        case {"$ref": str(ref)}:
            return _inlined(definitions[ref.rpartition("/")[2]], definitions)
        case dict():
            return {name: _inlined(value, definitions) for name, value in schema.items()}
        case list():
            return [_inlined(value, definitions) for value in schema]
    return schema


def _header_parameters(operation: Operation) -> list[dict[str, Any]]:
    headers = []
    if _MATCHES in operation.problems:
        headers.append({"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}})
    if (
        _CREATES_ONCE in operation.problems
        or (
            operation.method,
            operation.status,
            operation.body,
        )
        == _BEGINS_ONCE
    ):
        schema = {"type": "string", "minLength": 1, "maxLength": 255}
        headers.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema})
    return headers


def _responses(operation: Operation, refs: dict[_Wanted, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": operation.summary}
    if operation.gives is not None:
        success["content"] = {"application/json": {"schema": refs[operation.id, "serialization"]}}
    kinds = [*operation.problems]
    if operation.needs is not None:
        kinds += [problems.UNAUTHENTICATED, problems.FORBIDDEN]
    if operation.body is not None:
        kinds += [problems.UNREADABLE, problems.INVALID, problems.TOO_LARGE, problems.UNSUPPORTED]
    elif operation.query is not None:
        kinds += [problems.INVALID]
    by_status: dict[int, list[Kind]] = {}
    for kind in kinds:
        by_status.setdefault(kind.status, []).append(kind)
    failures = {
        str(status): {
            "description": "; ".join(dict.fromkeys(kind.title for kind in some)),
            **({"headers": {"Retry-After": _RETRY_AFTER}} if status in problems.PASSING else {}),
            "content": {
                "application/problem+json": {
                    "schema": refs["problem", "serialization"],
                    "examples": {kind.slug: {"value": problems.example(kind)} for kind in some},
                }
            },
        }
        for status, some in sorted(by_status.items())
    }
    return {str(operation.status): success, **failures}
