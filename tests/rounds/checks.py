"""What must hold at the end of a round, between the table, what writers were told, and what readers were given."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from tests.rounds.plan import Writer
from tests.rounds.readers import Reading
from tests.rounds.writing import Writing

SHOWN = 12


def expected_rows(reading: Reading, table: dict[str, Any], visible: frozenset[int]) -> list[dict[str, Any]]:
    """The rows that a reader is to be given, in order."""
    rows: Iterable[dict[str, Any]] = table["rows"]
    if reading.run is not None:
        rows = (row for row in rows if row["run"] == reading.run)
    else:
        kinds = frozenset(table["user_stream_types"])
        rows = (row for row in rows if row["id"] > reading.begun_at and row["project"] in visible)
        rows = (row for row in rows if row["run"] is None or row["eventType"] in kinds)
    return [row for row in rows if reading.plan.wish.admits(row)]


def faults_of_table(table: dict[str, Any]) -> list[str]:
    """`seq` counts each run's events from 1 in the order of ids, and the runs themselves say the same."""
    faults = []
    for run, (last_seq, last_event_id) in table["runs"].items():
        rows = [row for row in table["rows"] if row["run"] == int(run)]
        sequence = [row["seq"] for row in rows]
        if sequence != list(range(1, len(rows) + 1)):
            faults.append(f"run {run}: seq in the order of ids is {sequence}")
        if (last_seq, last_event_id) != (len(rows), rows[-1]["id"] if rows else None):
            faults.append(f"run {run} says {last_seq}, {last_event_id}, the table {len(rows)}, {rows[-1:]}")
    return faults


def faults_of_writer(writing: Writing, table: dict[str, Any]) -> list[str]:
    """What was told to be committed is there, once each and in order; a batch is there whole or not at all."""
    found = [token for token in _tokens(table["rows"]) if token.startswith(f"{writing.name}-")]
    whole: list[str] = []
    for number in range(len(writing.plan.batches)):
        tokens, outcome = writing.tokens(number), writing.outcomes.get(number)
        is_there = tokens[0] in found
        if outcome == "committed" and not is_there:
            return [f"{writing.name}: batch {number} was told to be committed and is not in the table"]
        if outcome in ("rolled back", "lost") and is_there:
            return [f"{writing.name}: batch {number} is in the table, though it was {outcome}"]
        whole += tokens if is_there else []
    return [] if found == whole else [f"{writing.name}: the table has {found}, the writer's order is {whole}"]


def _tokens(rows: Sequence[dict[str, Any]]) -> list[str]:
    events = (json.loads(row["json"]) for row in rows)
    return [str(event["data"].get("token") or event["message"]) for event in events]


def faults_of_reader(reading: Reading, rows: list[dict[str, Any]], told: dict[str, int]) -> list[str]:
    """A reader was given exactly these rows in this order; what was told before it asked is in what was complete.

    `told`: when each token was told of, by the number of tokens before it.
    """
    by_id = {row["id"]: row["json"] for row in rows}
    ids, wanted = [seen.id for seen in reading.seen], list(by_id)
    faults = [reading.failure] if reading.failure else []
    if ids != wanted:
        faults.append(_difference(ids, wanted))
    for seen in reading.seen:
        text = by_id.get(seen.id)
        if text is not None and seen.given != (text if isinstance(seen.given, str) else json.loads(text)):
            faults.append(f"event {seen.id} was given as {seen.given!r}, the table has {text!r}"[:600])
            break
    tokens = _tokens(rows)
    for caught_up in reading.caught_up:
        given = set(ids[: caught_up.seen])
        for row, token in zip(rows, tokens, strict=True):
            if told.get(token, len(told)) < caught_up.told and row["id"] not in given:
                faults.append(f"event {row['id']} was told to be committed before {caught_up}, and was not given")
    return faults[:SHOWN]


def _difference(ids: list[int], wanted: list[int]) -> str:
    lost = sorted(set(wanted) - set(ids))
    strange = sorted(set(ids) - set(wanted))
    twice = sorted({each for each in ids if ids.count(each) > 1})
    place = next((n for n, pair in enumerate(zip(ids, wanted, strict=False)) if pair[0] != pair[1]), None)
    return (
        f"given {len(ids)} events of {len(wanted)}; never given: {lost[:SHOWN]}; not to be given: {strange[:SHOWN]}; "
        f"twice: {twice[:SHOWN]}; first wrong place: {place}; there {ids[place or 0 :][:SHOWN]} "
        f"in place of {wanted[place or 0 :][:SHOWN]}"
    )


def shown(writer: Writer) -> str:
    """A writer in a line."""
    return f"{writer.role} of run {writer.run}, {len(writer.batches)} batches, {writer.kills}"
