"""The event log: gapless and in commit order whoever writes, and closed to those who lost the run."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.leases import Lease
from runs.events import MAX_MESSAGE_CHARACTERS, Draft, LeaseLost, append, storable
from runs.models import AgentEvent, Run
from tests.conftest import all_at_once

texts = st.text(st.characters(exclude_categories=())) | st.sampled_from(["\0", "\ud800", "a\0b\udfff"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | st.integers(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.django_db
def test_events_of_a_run_count_from_one(run: Run) -> None:
    append(run, [Draft("log", "a"), Draft("log", "b")])
    append(run, [Draft("log", "c")])
    assert list(run.events.order_by("id").values_list("seq", flat=True)) == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_with_several_writers_seq_has_no_gap_and_ids_follow_it(run: Run) -> None:
    def write(number: int) -> None:
        for n in range(12):
            append(run, [Draft("log", f"{number}")] * (n % 3 + 1))

    all_at_once(6, write)
    seqs = list(run.events.order_by("id").values_list("seq", flat=True))
    assert seqs == list(range(1, 6 * 24 + 1))


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_goes_on_from_the_last_id_misses_nothing(run: Run) -> None:
    seen: list[int | None] = []

    def work(number: int) -> None:
        if number:
            for _ in range(20):
                append(run, [Draft("run_queued"), Draft("log")])
            return
        last = 0
        while len(seen) < 4 * 40:
            rows = list(run.events.filter(id__gt=last).order_by("id").values_list("id", "seq"))
            last = rows[-1][0] if rows else last
            seen.extend(seq for _, seq in rows)

    all_at_once(5, work)
    assert seen == list(range(1, 161))


@pytest.mark.django_db
def test_the_holder_of_the_lease_may_write(run: Run) -> None:
    Run.objects.update(status="running", lease_generation=3)
    append(run, [Draft("log")], lease=Lease(Run, run.pk, 3))
    assert run.events.count() == 1


@pytest.mark.django_db
def test_a_lost_lease_writes_nothing(run: Run) -> None:
    Run.objects.update(status="running", lease_generation=4)
    with pytest.raises(LeaseLost):
        append(run, [Draft("log")] * 3, lease=Lease(Run, run.pk, 3))
    run.refresh_from_db()
    assert (run.last_seq, run.events.count()) == (0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["draft", "queued", "completed", "failed"])
def test_an_executor_writes_nothing_to_a_run_that_was_moved_on(run: Run, status: str) -> None:
    Run.objects.update(status=status, lease_generation=3)
    with pytest.raises(LeaseLost):
        append(run, [Draft("log")], lease=Lease(Run, run.pk, 3))


@pytest.mark.django_db
def test_of_a_cancelled_run_its_executor_may_still_tell(run: Run) -> None:
    Run.objects.update(status="cancelled", lease_generation=3)
    append(run, [Draft("log")], lease=Lease(Run, run.pk, 3))
    assert run.events.count() == 1


@pytest.mark.django_db
def test_a_long_message_is_cut(run: Run) -> None:
    append(run, [Draft("log", "x" * 100_000)])
    body = orjson.loads("{" + AgentEvent.objects.get().body)
    assert len(body["message"]) == MAX_MESSAGE_CHARACTERS


@pytest.mark.django_db
def test_text_that_a_database_cannot_hold_is_stored_with_replacements(run: Run) -> None:
    append(run, [Draft("file_created", "a\0b", path="x\udcff\0", data={"k\0": ["\ud800"]})])
    event = AgentEvent.objects.get()
    assert event.path == "x?\N{REPLACEMENT CHARACTER}"
    assert orjson.loads("{" + event.body)["data"] == {"k\N{REPLACEMENT CHARACTER}": ["?"]}


@given(values)
def test_any_value_becomes_storable(value: object) -> None:
    encoded = orjson.dumps(storable(value))
    assert b"\\u0000" not in encoded


def test_a_value_nested_beyond_reason_becomes_storable() -> None:
    value: object = 1
    for _ in range(5_000):
        value = [value]
    assert orjson.dumps(storable(value))


@given(st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans() | st.none() | st.text("abcäß☃", max_size=20))
def test_what_json_can_hold_is_stored_as_it_is(value: object) -> None:
    assert storable({"key": [value]}) == {"key": [value]}
