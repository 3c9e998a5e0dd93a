from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.catalog.schema import PROPOSITION_INTERACTIONS, UnknownSchemaError, field_groups

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["allOf", "$ref", "meta:extends", "x"]), inner)
    ),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"$ref": PROPOSITION_INTERACTIONS}]},
        {"allOf": [{"$ref": PROPOSITION_INTERACTIONS + "#"}]},
        {"meta:extends": [PROPOSITION_INTERACTIONS]},
        {"allOf": [{"allOf": [{"$ref": PROPOSITION_INTERACTIONS}]}]},
        "experience-event-proposition-interactions",
    ],
)
def test_the_field_group_is_found_wherever_a_schema_names_it(schema: str | dict[str, Any]) -> None:
    assert PROPOSITION_INTERACTIONS in field_groups(schema)


def test_a_class_is_no_field_group() -> None:
    assert field_groups({"allOf": [{"$ref": "https://ns.adobe.com/xdm/context/experienceevent"}]}) == ()


@given(st.dictionaries(st.sampled_from(["allOf", "$ref", "meta:extends"]), json_values))
def test_a_document_of_any_shape_is_read(schema: dict[str, Any]) -> None:
    assert isinstance(field_groups(schema), tuple)


def test_a_name_that_is_no_built_in_is_told_with_those_that_are() -> None:
    with pytest.raises(UnknownSchemaError, match="experience-event-proposition-interactions"):
        field_groups("profile")
