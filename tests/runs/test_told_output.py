"""What is told of a command's output while it goes on: in order, bounded in size and number, with what was left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.events import MAX_MESSAGE_CHARACTERS
from runs.execution import live_output
from runs.execution.live_output import MAX_HELD_CHARACTERS, MAX_TOLD_CHARACTERS, LiveOutput
from runs.redaction import Redactor
from runs.services.recording import CommandProgress

pytestmark = pytest.mark.plumbing
MEBIBYTE = 1024 * 1024


def output() -> LiveOutput:
    return LiveOutput("1", "stdout", Redactor({"KEY": "very-secret-value"}).stream())


def whole(parts: list[CommandProgress]) -> int:
    """Bytes that the parts tell of, in their text and beside it."""
    return sum(len(part.text.encode()) + part.left_out_bytes for part in parts)


def test_the_first_piece_is_told_at_once_and_the_next_has_to_wait() -> None:
    live = output()
    live.take("one\n")
    assert live.is_due
    assert [part.text for part in live.tell()] == ["one\n"]
    live.take("two\n")
    assert not live.is_due


def test_many_small_pieces_are_one_part() -> None:
    live = output()
    for number in range(1000):
        live.take(f"{number}\n")
    (part,) = live.tell()
    assert part.text.splitlines() == [str(number) for number in range(1000)]


def test_of_what_comes_too_fast_the_newest_is_told_and_how_much_is_left_out() -> None:
    live = output()
    live.take("ö" * MAX_HELD_CHARACTERS)
    live.take("x" * MAX_HELD_CHARACTERS)
    parts = live.tell()
    assert "".join(part.text for part in parts) == "x" * MAX_HELD_CHARACTERS
    assert [part.left_out_bytes for part in parts] == [2 * MAX_HELD_CHARACTERS, 0, 0, 0]
    assert max(len(part.text) for part in parts) == MAX_MESSAGE_CHARACTERS


def test_a_hundred_megabytes_are_some_seventy_parts_that_tell_of_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_output, "TELL_EVERY_SECONDS", 0.0)  # as if they had come in hours
    live, parts = output(), list[CommandProgress]()
    for _ in range(100):
        live.take("a line of output\n" * (MEBIBYTE // 17))
        if live.is_due:
            parts += live.tell()
    parts += live.finish()
    assert whole(parts) == 100 * (MEBIBYTE // 17 * 17)
    assert len(parts) <= MAX_TOLD_CHARACTERS // MAX_MESSAGE_CHARACTERS + 10


def test_a_secret_is_redacted_wherever_the_pieces_and_parts_are_cut() -> None:
    live = output()
    text = "very-secret-value " * 10_000
    for at in range(0, len(text), 7):
        live.take(text[at : at + 7])
    told = "".join(part.text for part in live.finish())
    assert "secret" not in told
    assert told.endswith("[redacted: KEY] ")


@given(st.lists(st.tuples(st.text(max_size=40), st.booleans()), max_size=30))
def test_nothing_is_lost_or_doubled_of_an_output_of_usual_size(pieces: list[tuple[str, bool]]) -> None:
    live, parts = output(), list[CommandProgress]()
    for text, is_told in pieces:
        live.take(text)
        parts += live.tell() if is_told else []
    parts += live.finish()
    assert "".join(part.text for part in parts) == "".join(text for text, _ in pieces)
    assert not any(part.left_out_bytes for part in parts)
