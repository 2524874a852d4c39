"""CHANGELOG_AI.md is written, read back, and survives what people do to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docs_mgmt.generators.blocks import MAX_BYTES, BlocksRefused
from docs_mgmt.generators.changelog import Entry, parse, render, with_entry

pytestmark = pytest.mark.plumbing

ENTRY = Entry(
    run_id=12,
    title="Mend the login",
    date=datetime(2026, 11, 30, 13, 45, 0, 123000, UTC),
    summary="The form **works** again:\n\n- `a.py` was wrong\n- so was `b.py`",
    why="Nobody can log in since Monday.",
    agent="claude",
    model="opus",
    branch="quarterdeck/run-12-1-mend-the-login",
    files=("src/__init__.py", "docs/ü `x`.md"),
    tests=("`pytest -q`: passed: 12 passed",),
    risks=("authentication (high): 1 file is about who may do what.",),
)
WRITTEN = """\
## Mend the login

<!-- run 12 -->

> The form **works** again:
>
> - `a.py` was wrong
> - so was `b.py`

- Date: 2026-11-30T13:45:00.123000Z
- Why: Nobody can log in since Monday.
- Agent: claude
- Model: opus
- Branch: `quarterdeck/run-12-1-mend-the-login`
- Files:
  - `src/__init__.py`
  - docs/ü \\`x\\`.md
- Tests:
  - \\`pytest -q\\`: passed: 12 passed
- Risks:
  - authentication (high): 1 file is about who may do what.
"""


def document(*entries: Entry) -> bytes:
    made: bytes | None = None
    for entry in entries:
        made = with_entry(made, entry)
    assert made is not None
    return made


def runs(markdown: bytes | str) -> list[int]:
    return [entry.run_id for entry in parse(markdown if isinstance(markdown, str) else markdown.decode())]


def test_an_entry_as_it_is_written() -> None:
    assert render(ENTRY) == WRITTEN


def test_an_entry_as_it_is_read() -> None:
    assert parse(WRITTEN) == [ENTRY]


HOSTILE = [
    *(
        "",
        " ",
        "-->",
        "<!-- run 7 -->",
        "<!-- quarterdeck:end changelog-ai -->",
        "# a",
        "a #",
        "> a",
        "- Date: x",
        "```",
    ),
    *(
        "\n",
        "a\nb",
        "\r\n",
        "\r",
        "\x0b\x0c\x1c\x85\u2028",
        "\0",
        "&lt;",
        "&#10;",
        "&amp;#10;",
        "&amp;amp;lt;!",
        "\\",
        "\\\\`",
    ),
    *(
        "`",
        "``",
        "`a`",
        "a`",
        "*a*",
        "_a_",
        "[a](b)",
        "<script>",
        "a  ",
        "\ta",
        "\xa0",
        "é",
        "🦊",
        "\u202e",
        "---",
        "<!",
        "&<!",
    ),
]
FIRST = datetime(1000, 1, 1)  # noqa: DTZ001 - the zone is given beside it
PIECES = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=4))
TEXT = st.lists(PIECES, max_size=5).map("".join)
ENTRIES = st.builds(
    Entry,
    run_id=st.integers(1, 10**18 - 1),
    title=TEXT,
    date=st.none() | st.datetimes(FIRST, timezones=st.just(UTC)),
    summary=TEXT,
    why=TEXT,
    agent=TEXT,
    model=st.none() | TEXT,
    branch=TEXT,
    files=st.lists(TEXT.filter(bool), max_size=3).map(tuple),
    tests=st.lists(TEXT.filter(bool), max_size=2).map(tuple),
    risks=st.lists(TEXT.filter(bool), max_size=2).map(tuple),
)


@settings(max_examples=60)
@given(ENTRIES)
def test_whatever_is_written_is_read_back_exactly(entry: Entry) -> None:
    assert parse(render(entry)) == [entry]


@settings(max_examples=30)
@given(st.lists(ENTRIES, min_size=1, max_size=4, unique_by=lambda entry: entry.run_id))
def test_in_a_document_the_newest_is_on_top(entries: list[Entry]) -> None:
    assert parse(document(*entries).decode()) == entries[::-1]


@settings(max_examples=30)
@given(ENTRIES, ENTRIES)
def test_an_entry_put_in_again_changes_nothing(one: Entry, other: Entry) -> None:
    made = document(one, replace(other, run_id=one.run_id % 10 + 1))
    assert with_entry(made, one) == made or one.run_id == one.run_id % 10 + 1


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_is_a_marker_or_an_entry_of_its_own(text: str) -> None:
    each = (text or "a",)
    made = document(Entry(12, text, None, text, text, text, text, text, each, each, each))
    assert runs(made) == [12]
    assert with_entry(made, replace(ENTRY, run_id=13)).count(b"<!-- quarterdeck:") == 2


def test_surrogates_are_replaced() -> None:
    assert parse(render(replace(ENTRY, title="a\ud800")))[0].title == "a\ufffd"
    assert parse("## &#55296;\n<!-- run 1 -->")[0].title == "\ufffd"


def test_a_time_with_another_zone_is_read_in_utc() -> None:
    at = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert parse(render(replace(ENTRY, date=at)))[0].date == at


def test_a_year_without_four_digits_is_no_date() -> None:
    assert parse("<!-- run 1 -->\n- Date: 0999-12-31")[0].date is None


def test_a_new_document_tells_what_it_is() -> None:
    made = document(ENTRY).decode()
    assert made.startswith("# Changelog of the agents\n")
    assert f"<!-- quarterdeck:begin changelog-ai -->\n\n{WRITTEN}\n<!-- quarterdeck:end changelog-ai -->\n" in made


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_peoples_bytes_stay(line_end: bytes) -> None:
    theirs = [
        b"\xef\xbb\xbf# Ours \xff  ",
        b"",
        b"<!-- quarterdeck:begin changelog-ai -->",
        b"",
        b"Note  ",
        b"```",
        b"x",
    ]
    before = line_end.join([*theirs, b"<!-- quarterdeck:end changelog-ai -->", b"## Old", b"no end"])
    after = with_entry(before, ENTRY)
    begin = before.index(b"changelog-ai -->") + len(b"changelog-ai -->" + line_end)
    assert after.startswith(before[:begin])
    assert after.endswith(before[begin:])
    assert after.count(line_end) == after.count(b"\n")


def test_the_same_runs_entry_is_replaced_where_it_stands() -> None:
    made = document(ENTRY, replace(ENTRY, run_id=13), replace(ENTRY, run_id=14))
    again = with_entry(made, replace(ENTRY, run_id=13, title="Anew", files=("c.py",)))
    assert [(entry.run_id, entry.title) for entry in parse(again.decode())] == [
        (14, "Mend the login"),
        (13, "Anew"),
        (12, "Mend the login"),
    ]
    assert again.replace(b"## Anew", b"## Mend the login").count(b"## Mend the login") == 3


def test_what_people_wrote_into_an_entry_outlives_its_replacement() -> None:
    made = (
        document(ENTRY)
        .replace(b"- Date:", b"I checked this. \n\n- Date:")
        .replace(b"- Tests:", b"- Reviewed: by me\n- Tests:")
    )
    again = with_entry(made, replace(ENTRY, title="Anew")).decode()
    assert "I checked this. \n" in again
    assert "- Reviewed: by me\n" in again
    assert parse(again) == [replace(ENTRY, title="Anew")]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"<!-- quarterdeck:begin changelog-ai -->\n",
        b"<!-- quarterdeck:end changelog-ai -->\n",
        b"x" * (MAX_BYTES + 1),
    ],
)
def test_a_document_without_its_markers_is_left_alone(damage: bytes) -> None:
    with pytest.raises(BlocksRefused):
        with_entry(damage, ENTRY)


EDITS = [
    ("## Mend the login", "### 12: we mended the *login* ###", {"title": "12: we mended the *login* ###"}),
    ("## Mend the login\n", "", {"title": ""}),
    ("> The form", "Some words.\n\n> The form", {}),
    ("- Date: 2026-11-30T13:45:00.123000Z", "- Date: last Monday", {"date": None}),
    ("- Date: 2026-11-30T13:45:00.123000Z\n", "", {"date": None}),
    ("T13:45:00.123000Z", "", {"date": datetime(2026, 11, 30, tzinfo=UTC)}),
    ("- Agent: claude\n", "* agent: claude\n", {}),
    ("- Agent: claude\n", "- Reviewed: yes\n  - by me\n- Agent: claude\n", {}),
    ("- Files:\n", "- Files:\n\n", {}),
    ("  - `src/__init__.py`", "    * src/__init__.py", {}),
    ("- Risks:\n", "\n\n- Risks:\n", {}),
    ("\n", "\r\n", {}),
    ("\n", "\r", {}),
]


@pytest.mark.parametrize(("old", "new", "wanted"), EDITS)
def test_an_edited_entry_is_read_as_far_as_it_can_be(old: str, new: str, wanted: dict[str, object]) -> None:
    assert parse(WRITTEN.replace(old, new)) == [replace(ENTRY, **wanted)]  # type: ignore[arg-type] # any of its fields


def test_entries_may_be_removed_moved_and_written_between() -> None:
    first, second, third = (render(replace(ENTRY, run_id=number)) for number in (1, 2, 3))
    text = f"{third}\n# Our own\n\nWords.\n\n- Files:\n  - ours\n\n{first}\nMore words.\n\n---\n"
    assert [(entry.run_id, entry.files) for entry in parse(text)] == [(3, ENTRY.files), (1, ENTRY.files)]
    assert runs(text + second) == [3, 1, 2]


@pytest.mark.parametrize(
    "broken",
    [
        "<!-- run 0 -->",
        "<!-- run x -->",
        "<!-- run 2 --",
        "```",
        "<!--",
        "<div>",
        "> ",
        "- Files:\n  - ",
        "## ",
        "<!-- run 2 -->",
    ],
)
def test_a_broken_entry_loses_no_other(broken: str) -> None:
    one, other = render(replace(ENTRY, run_id=1)), render(replace(ENTRY, run_id=3))
    found = {entry.run_id: entry for entry in parse(f"{one}\n## Broken\n\n{broken}\n\n{other}")}
    assert (found[1], found[3]) == (replace(ENTRY, run_id=1), replace(ENTRY, run_id=3))


def test_of_two_of_a_run_the_first_counts() -> None:
    assert parse(render(ENTRY) + render(replace(ENTRY, title="Copy"))) == [ENTRY]


@given(
    st.lists(st.sampled_from([*WRITTEN.splitlines(), *HOSTILE, "<!-- run 1 -->", "  - x"]), max_size=30).map("\n".join)
)
def test_no_document_breaks_the_reader(markdown: str) -> None:
    for entry in parse(markdown):
        assert entry.run_id > 0
        render(entry)


@pytest.mark.parametrize(
    "piece", [" ", "\n", "#", "# ", "<!-- run 1 -->\n", "- Why: ", "&amp;", "> &amp;\n", "  - \n", "<", "- ", "`"]
)
def test_a_document_without_end_takes_no_long_time(piece: str) -> None:
    parse(f"{WRITTEN}\n{piece * (200_000 // len(piece))}\n{WRITTEN}")
