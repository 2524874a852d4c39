"""The event log: gapless and in commit order whoever writes, and closed to those who lost the run."""

import orjson
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from projects.leases import Lease
from runs.events import MAX_MESSAGE_CHARACTERS, Draft, LeaseLost, append
from runs.models import AgentEvent, Run
from runs.storable import MAX_DEPTH, encoded, storable
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


@pytest.mark.django_db
def test_a_batch_takes_as_many_statements_as_one_event(run: Run) -> None:
    append(run, [Draft("log")])  # reads what is kept for a while
    with CaptureQueriesContext(connection) as one:
        append(run, [Draft("log")])
    with CaptureQueriesContext(connection) as many:
        append(run, [Draft("log")] * 500)
    assert len(many) <= len(one)


@pytest.mark.django_db
def test_a_lost_lease_leaves_the_larger_transaction_as_it_was(run: Run) -> None:
    with transaction.atomic():
        append(run, [Draft("log", "before")])
        with pytest.raises(LeaseLost):
            append(run, [Draft("log")], lease=Lease(Run, run.pk, 7))
        append(run, [Draft("log", "after")])
    assert list(run.events.order_by("id").values_list("seq", flat=True)) == [1, 2]


@pytest.mark.django_db
def test_the_run_knows_its_last_event_and_what_its_log_is_made_of(run: Run) -> None:
    append(run, [Draft("log"), Draft("run_queued"), Draft("log")])
    run.refresh_from_db()
    assert run.last_event_id == run.events.latest("id").pk
    assert run.timeline["eventCounts"] == {"log": 2, "run_queued": 1}


@pytest.mark.django_db
def test_names_that_look_like_the_databases_own_marks_are_stored_as_they_are(run: Run) -> None:
    names = ["\\N", "a\tb", "a\nb", "\\.", "a\\b", "\1", "%s", "'"]
    append(run, [Draft("file_created", name, path=name) for name in names])
    stored = list(run.events.order_by("id").values_list("path", "body"))
    assert [path for path, _ in stored] == names
    assert [orjson.loads("{" + body)["message"] for _, body in stored] == names


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


@given(values | st.dictionaries(st.text(max_size=3), values, max_size=4))
def test_the_short_way_to_json_gives_what_the_long_one_does(value: object) -> None:
    assert encoded(value) == orjson.dumps(storable(value))


@pytest.mark.parametrize("depth", [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 200, 300, 5_000])
def test_the_short_way_goes_no_deeper_than_the_long_one(depth: int) -> None:
    value: object = 1
    for _ in range(depth):
        value = [value]
    assert encoded(value) == orjson.dumps(storable(value))
