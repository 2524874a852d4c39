"""A few rounds in the ordinary suite, and that what looks for faults finds them."""

import socket
from pathlib import Path

import pytest

from tests.databases import Migrated
from tests.rounds.checks import faults_of_table
from tests.rounds.plan import Wish, make_plan
from tests.rounds.rounds import carry_out
from tests.rounds.series import ground
from tests.rounds.wire import Answer, Broken, Chunks, EventSource, Request

SEEDS = (3, 105, 107, 112)


@pytest.mark.once  # bin/test --rounds plays them on both
def test_every_reader_ends_with_the_rows_of_the_table(migrated: Migrated, tmp_path: Path) -> None:
    with ground(migrated, tmp_path) as here:
        for seed in SEEDS:
            outcome = carry_out(make_plan(seed), here.forks, here.log)
            assert outcome.faults == [], f"python -m tests.rounds 1 --seed {seed}"
            assert outcome.given > 0


@pytest.mark.plumbing
def test_a_seed_has_one_plan() -> None:
    assert make_plan(7) == make_plan(7)
    assert make_plan(7) != make_plan(8)


@pytest.mark.plumbing
def test_a_table_with_a_gap_a_change_of_order_or_another_count_is_faulty() -> None:
    def table(*sequence: int, last_seq: int = 2) -> dict[str, object]:
        rows = [{"id": number, "run": 1, "seq": seq} for number, seq in enumerate(sequence, start=1)]
        return {"rows": rows, "runs": {"1": [last_seq, len(rows)]}}

    assert faults_of_table(table(1, 2)) == []
    assert faults_of_table(table(1, 3))
    assert faults_of_table(table(2, 1))
    assert faults_of_table(table(1, 2, last_seq=3))


@pytest.mark.plumbing
def test_chunks_come_out_wherever_the_pieces_end() -> None:
    raw = b"5\r\nhello\r\n1\r\n \r\nA\r\nwide world\r\n0\r\n\r\n"
    for size in range(1, len(raw) + 1):
        chunks = Chunks()
        assert b"".join(chunks.feed(raw[at : at + size]) for at in range(0, len(raw), size)) == b"hello wide world"
        assert chunks.is_complete


@pytest.mark.plumbing
def test_an_event_that_is_cut_off_was_never_sent_and_its_id_does_not_count() -> None:
    whole = b'retry: 2000\n\nid: 4\nevent: agent_event\ndata: {"id":4}\n\nid: 5\n:ping\n\nid: 6\ndata: {"id":6}\n\n'
    for end in range(len(whole)):
        source = EventSource()
        messages = [message for byte in whole[:end] for message in source.feed(bytes([byte]))]
        assert [message.last_id for message in messages] == ["4"] * (b"4}\n\n" in whole[:end])
        at_ping = "5" if b"ping\n\n" in whole[:end] else "4"
        assert source.last_id == (at_ping if messages else None)


@pytest.mark.plumbing
def test_a_wish_admits_what_the_documentation_says() -> None:
    row = {"eventType": "log", "severity": "notice", "path": "app/a.py"}
    for wish in (Wish(), Wish(kinds=("log",)), Wish(severity="info"), Wish(path="app/"), Wish(path="app/a.py")):
        assert wish.admits(row), wish
    for wish in (Wish(kinds=("x",)), Wish(severity="warning"), Wish(path="App/"), Wish(path="app")):
        assert not wish.admits(row), wish


@pytest.mark.plumbing
def test_a_refused_connection_is_broken() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(Broken):
            Answer(probe.getsockname()[1], Request("/", {}, {}))
