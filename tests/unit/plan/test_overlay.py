"""One partial manifest over another: what merges, by which key, and what the upper one replaces."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronwright.plan.overlay import overlay

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "nothing over something": ({"a": 1}, {}, {"a": 1}),
    "something over nothing": ({}, {"a": 1}, {"a": 1}),
    "a value over a value": ({"a": 1, "b": 2}, {"a": 3}, {"a": 3, "b": 2}),
    "objects merge": ({"spec": {"a": 1, "b": 2}}, {"spec": {"b": 3}}, {"spec": {"a": 1, "b": 3}}),
    "an object over a value": ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
    "a value over an object": ({"a": {"b": 2}}, {"a": 1}, {"a": 1}),
    "null over a value": ({"a": 1}, {"a": None}, {"a": None}),
    "containers merge by name": (
        {"containers": [{"name": "runner", "image": "a", "tty": True}]},
        {"containers": [{"name": "beside"}, {"name": "runner", "image": "b"}]},
        {"containers": [{"name": "runner", "image": "b", "tty": True}, {"name": "beside"}]},
    ),
    "mounts merge by path": (
        {"volumeMounts": [{"name": "a", "mountPath": "/tmp"}]},
        {"volumeMounts": [{"name": "b", "mountPath": "/tmp"}, {"name": "a", "mountPath": "/data"}]},
        {"volumeMounts": [{"name": "b", "mountPath": "/tmp"}, {"name": "a", "mountPath": "/data"}]},
    ),
    "environment within a container": (
        {"containers": [{"name": "runner", "env": [{"name": "A", "value": "1"}]}]},
        {"containers": [{"name": "runner", "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "3"}]}]},
        {"containers": [{"name": "runner", "env": [{"name": "A", "value": "3"}, {"name": "B", "value": "2"}]}]},
    ),
    "a variable has one value": (
        {"env": [{"name": "A", "value": "1"}]},
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]},
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {}}}]},
    ),
    "a volume has one source": (
        {"volumes": [{"name": "tmp", "emptyDir": {}}]},
        {"volumes": [{"name": "tmp", "persistentVolumeClaim": {"claimName": "large"}}]},
        {"volumes": [{"name": "tmp", "persistentVolumeClaim": {"claimName": "large"}}]},
    ),
    "other lists are replaced": ({"args": ["a", "b"]}, {"args": ["c"]}, {"args": ["c"]}),
    "tolerations have no key": (
        {"tolerations": [{"key": "a"}]},
        {"tolerations": [{"key": "b"}]},
        {"tolerations": [{"key": "b"}]},
    ),
    "a keyed list over none": ({}, {"volumes": [{"name": "a"}]}, {"volumes": [{"name": "a"}]}),
    "names in place of objects are left for the API server to refuse": (
        {"volumes": [{"name": "a"}]},
        {"volumes": ["a"]},
        {"volumes": ["a"]},
    ),
}


@pytest.mark.parametrize(("below", "above", "expected"), CASES.values(), ids=CASES)
def test_overlay(below: dict[str, Any], above: dict[str, Any], expected: dict[str, Any]) -> None:
    assert overlay(below, above) == expected


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "env", "containers", "spec", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from(["name", "env", "containers", "spec", "x"]), values, max_size=4)


@given(objects, objects)
def test_it_never_changes_what_it_is_given_and_never_fails(below: dict[str, Any], above: dict[str, Any]) -> None:
    before = (repr(below), repr(above))
    merged = overlay(below, above)
    assert (repr(below), repr(above)) == before
    assert merged.keys() == below.keys() | above.keys()


@given(objects)
def test_over_itself_and_over_nothing_it_is_the_same(manifest: dict[str, Any]) -> None:
    assert overlay({}, manifest) == manifest
    assert overlay(manifest, {}) == manifest
