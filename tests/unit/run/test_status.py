"""The status of a Task: its form in the manifest, and the patch from one to another."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronwright.status import Condition, LastRun, TaskStatus, dump_status, load_status, merge_patch

seconds = st.integers(1_600_000_000, 2_800_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
texts = st.text(max_size=5)
conditions = st.builds(
    Condition,
    status=st.sampled_from(["True", "False", "Unknown"]),
    reason=texts,
    message=texts,
    last_transition_time=seconds,
    observed_generation=st.integers(0, 9),
)
last_runs = st.builds(
    LastRun,
    run_id=texts,
    scheduled_time=seconds,
    outcome=st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "Skipped", "Missed", "Unknown"]),
    start_time=st.none() | seconds,
    completion_time=st.none() | seconds,
    reason=texts,
    message=texts,
)
statuses = st.builds(
    TaskStatus,
    observed_generation=st.integers(-1, 9),
    conditions=st.dictionaries(st.sampled_from(["Ready", "Stalled", "Reconciling", "Healthy"]), conditions),
    plan_kind=st.none() | st.sampled_from(["cron", "every", "manual"]),
    plan_schedule=st.none() | st.text(min_size=1, max_size=5),
    plan_time_zone=st.none() | st.text(min_size=1, max_size=5),
    next_run_time=st.none() | seconds,
    active=st.integers(0, 5),
    last_run=st.none() | last_runs,
    last_successful_time=st.none() | seconds,
    last_failure_time=st.none() | seconds,
    consecutive_failures=st.integers(0, 9),
)


def patched(before: Any, patch: Any) -> Any:
    """Return `before` with a merge patch applied, after the pseudo code of RFC 7386, section 2."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(before) if isinstance(before, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = patched(result.get(key), value)
    return result


@given(statuses)
def test_it_is_read_as_it_was_written(status: TaskStatus) -> None:
    assert load_status({"status": dump_status(status)}) == status


@given(statuses, statuses)
def test_the_patch_leads_from_one_to_another(old: TaskStatus, new: TaskStatus) -> None:
    before, after = dump_status(old), dump_status(new)
    assert patched(before, merge_patch(before, after)) == after


@given(statuses)
def test_no_patch_leads_to_the_same(status: TaskStatus) -> None:
    assert merge_patch(dump_status(status), dump_status(status)) == {}


@given(statuses, statuses)
def test_a_patch_holds_what_differs_only(old: TaskStatus, new: TaskStatus) -> None:
    before, after = dump_status(old), dump_status(new)
    assert all(before.get(key) != after.get(key) for key in merge_patch(before, after))


UNSEEN: dict[str, dict[str, Any]] = {
    "no status": {},
    "null": {"status": None},
    "the schema's default": {"status": {"observedGeneration": -1}},
}


@pytest.mark.parametrize("manifest", UNSEEN.values(), ids=UNSEEN)
def test_a_task_that_nobody_has_seen(manifest: dict[str, Any]) -> None:
    assert load_status(manifest) == TaskStatus()
