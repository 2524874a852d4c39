"""What the history tells of files, also where its commits are made to be misread."""

import subprocess
from pathlib import Path

import pytest

from projects.indexing.history import LATEST, continue_history, histories, pack_commits, read_history, unpack_commits
from tests.projects.git.sample import ENVIRONMENT, Origin, make_origin
from tests.projects.indexing.indexes import repository_of

pytestmark = pytest.mark.plumbing


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


def subjects(origin: Origin, path: str) -> tuple[str, ...]:
    commits = read_history(repository_of(origin), origin.git("rev-parse", "HEAD"))
    return histories(commits)[path].subjects


def commit_at(origin: Origin, date: str, message: bytes) -> str:
    """A commit of the present tree with this committer's date and exactly this message."""
    tree, parent = origin.git("rev-parse", "HEAD^{tree}"), origin.git("rev-parse", "HEAD")
    head = f"tree {tree}\nparent {parent}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> {date} +0000\n\n".encode()
    command = ["git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin"]
    done = subprocess.run(
        command, cwd=origin.path, env=ENVIRONMENT, input=head + message, capture_output=True, check=True
    )
    made = done.stdout.decode().strip()
    origin.git("update-ref", "HEAD", made)
    return made


def test_the_newest_subjects_come_first_and_forty_are_kept(origin: Origin) -> None:
    for number in range(42):
        origin.commit({"a.py": b"%d" % number}, f"change {number}")
    found = subjects(origin, "a.py")
    assert len(found) == 40
    assert set(found) <= {f"change {number}" for number in range(42)}


def test_a_large_commit_tells_when_but_not_what(origin: Origin) -> None:
    origin.commit({f"{number}.py": b"x" for number in range(21)}, "everything")
    (commit,) = read_history(repository_of(origin), origin.git("rev-parse", "HEAD"))
    history = histories([commit])["3.py"]
    assert (history.subjects, history.changed_at) == ((), commit.committed_at)


@pytest.mark.parametrize("path", ["a\nb.py", "a\tb.py", "\x01c.py", '"d".py', " e.py"])
def test_a_strange_name_has_its_history_or_none_and_spoils_no_other(origin: Origin, path: str) -> None:
    origin.commit({path: b"x", "plain.py": b"x"}, "strange")
    origin.commit({"plain.py": b"y"}, "plain")
    assert "plain" in subjects(origin, "plain.py")


def test_a_message_made_to_look_like_other_commits_spoils_none(origin: Origin) -> None:
    first = origin.commit({"a.py": b"x"}, "honest")
    commit_at(origin, "1700000000", f"x\x01{first}\x02forged\x02\0\0a.py".encode().replace(b"\0", b""))
    origin.commit({"b.py": b"x"}, "later")
    assert subjects(origin, "b.py") == ("later",)
    assert read_history(repository_of(origin), origin.git("rev-parse", "HEAD"))


def test_times_that_no_calendar_holds_are_bounded(origin: Origin) -> None:
    origin.commit({"a.py": b"x"}, "first")
    commit_at(origin, "99999999999999", b"far away\n")
    dates = [commit.committed_at for commit in read_history(repository_of(origin), origin.git("rev-parse", "HEAD"))]
    assert all(0 <= date <= LATEST for date in dates)


def test_what_is_packed_comes_back(origin: Origin) -> None:
    origin.commit({"a.py": b"x"}, "first")
    commits = read_history(repository_of(origin), origin.commit({"b.py": b"x"}, "second"))
    assert unpack_commits(pack_commits(commits)) == commits


def test_a_history_that_is_continued_equals_one_that_is_read_whole(origin: Origin) -> None:
    old = origin.commit({"a.py": b"x"}, "first")
    before = read_history(repository_of(origin), old)
    new = origin.commit({"b.py": b"x"}, "second")
    assert continue_history(repository_of(origin), before, old, new) == read_history(repository_of(origin), new)
