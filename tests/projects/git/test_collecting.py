"""projects.git.collecting: what nothing names goes, what anything names stays, whoever writes, killed or not."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from projects.git.collecting import GRACE_SECONDS, collect, is_scattered
from projects.git.commits import SNAPSHOT_REFS, Snapshot, save_snapshot
from projects.git.errors import GitError, GitFailed
from projects.git.kept_indexes import trees_in_indexes
from projects.git.named import find_unnamed
from projects.git.remote import fetch
from projects.git.repository import Repository, alone
from projects.git.trees import write_exact_tree, write_review_tree
from projects.git.work_tree import WorkTree
from tests.projects.git.conftest import MakeWorkTree
from tests.projects.git.sample import Origin
from tests.serving import ROOT, wait_until

pytestmark = pytest.mark.plumbing


def age(repository: Repository) -> None:
    """All objects are from the day before yesterday."""
    past = time.time() - 2 * GRACE_SECONDS
    for folder in (repository.objects, repository.private_objects):
        for path in folder.rglob("*"):
            if path.is_file():
                os.utime(path, (past, past))


def take(work_tree: WorkTree, name: str, text: str, parent: str | None = None) -> Snapshot:
    (work_tree.path / "note.txt").write_text(text)
    return save_snapshot(work_tree, ref=f"{SNAPSHOT_REFS}{name}", message="m", parent=parent)


def is_there(repository: Repository, object_id: str, folder: Path | None = None) -> bool:
    try:
        repository.run(["cat-file", "-e", object_id], environment=alone(folder) if folder else None)
    except GitFailed:
        return False
    return True


def roots_of(*trees: WorkTree) -> list[str]:
    return [root for tree in trees for root in trees_in_indexes(tree)]


def check(repository: Repository, *named: str) -> None:
    """Everything that refs and these ids lead to is there."""
    assert repository.run(["fsck", "--connectivity-only", "--no-dangling"]) == b""
    repository.run(["rev-list", "--objects", "--all", *named])


def packs(folder: Path) -> list[Path]:
    return list(folder.glob("pack/*.pack"))


def test_what_nothing_names_goes_and_all_else_stays_in_one_pack(work_tree: WorkTree) -> None:
    repository = work_tree.repository
    gone = take(work_tree, "gone", "gone")
    reviewed = write_review_tree(work_tree)
    (work_tree.path / "note.txt").write_text("kept\r\n")
    kept = [take(work_tree, str(number), f"kept {number}\r\n") for number in range(4)]
    repository.delete_ref(f"{SNAPSHOT_REFS}gone")
    age(repository)
    found = find_unnamed(repository, [reviewed, *roots_of(work_tree)])

    named = collect(repository, lambda: [reviewed, "0" * 40, *roots_of(work_tree)])

    assert (named.missing, found.objects) == (("0" * 40,), 1)  # its tree is the reviewed one: the commit is all
    assert not is_there(repository, gone.commit)
    check(repository, reviewed, *(each.commit for each in kept))
    assert len(packs(repository.private_objects)) == 1
    assert list(repository.private_objects.glob("??/*")) == []
    assert not is_scattered(repository, packs=2, loose=1)
    assert find_unnamed(repository, [reviewed]).objects == 0


def test_what_is_young_stays_for_a_day_in_a_pack_of_its_own(work_tree: WorkTree) -> None:
    repository = work_tree.repository
    kept = take(work_tree, "kept", "kept")
    age(repository)
    young = write_review_tree(work_tree)
    (work_tree.path / "note.txt").write_text("young")
    young = write_review_tree(work_tree)
    (work_tree.path / "note.txt").write_text("kept")
    write_review_tree(work_tree)
    collect(repository, lambda: roots_of(work_tree))
    assert is_there(repository, young)
    assert is_scattered(repository, packs=99, loose=99)
    collect(repository, lambda: roots_of(work_tree), grace_seconds=-60)
    assert not is_there(repository, young)
    assert not is_scattered(repository, packs=99, loose=99)
    check(repository, kept.commit)


def test_nothing_private_comes_to_be_published(work_tree: WorkTree, make_work_tree: MakeWorkTree) -> None:
    repository = work_tree.repository
    kept = take(work_tree, "kept", "private")
    age(repository)
    collect(repository, lambda: roots_of(work_tree))
    assert not is_there(repository, kept.commit, repository.objects)
    assert not is_there(repository, kept.tree, repository.objects)
    assert is_there(repository, work_tree.base_commit, repository.objects)
    make_work_tree("another")


def test_published_history_that_the_remote_has_rewritten_goes_but_for_what_is_named(
    work_tree: WorkTree, origin: Origin
) -> None:
    repository, first = work_tree.repository, origin.git("rev-parse", "HEAD")
    lost = [origin.commit({f"lost{number}": os.urandom(999)}, f"lost {number}") for number in range(2)]
    fetch(repository, origin.remote, addresses=())
    tree = repository.read_commit(lost[0]).tree
    origin.git("reset", "--quiet", "--hard", first)
    fetch(repository, origin.remote, addresses=())
    age(repository)

    collect(repository, lambda: [tree, *roots_of(work_tree)])

    assert [is_there(repository, each) for each in (*lost, tree)] == [False, False, True]
    assert is_there(repository, f"{tree}:lost0", repository.objects)
    assert not is_there(repository, f"{tree}:lost1")
    check(repository, first, tree)
    assert len(packs(repository.objects)) == 1
    origin.git("reset", "--quiet", "--hard", lost[1])
    assert fetch(repository, origin.remote, addresses=()).head_commit == lost[1]
    check(repository, lost[1])


def test_an_old_object_that_a_writer_finds_before_the_removal_stays(work_tree: WorkTree) -> None:
    repository = work_tree.repository
    old = take(work_tree, "old", "once more")
    write_review_tree(work_tree)
    take(work_tree, "new", "new")
    write_review_tree(work_tree)
    repository.delete_ref(f"{SNAPSHOT_REFS}old")
    age(repository)

    @contextmanager
    def meanwhile() -> Iterator[None]:
        assert take(work_tree, "again", "once more").tree == old.tree
        yield

    collect(repository, lambda: roots_of(work_tree), locked=meanwhile)

    check(repository, old.tree)


def test_what_only_an_index_knows_stays(work_tree: WorkTree) -> None:
    (work_tree.path / "note.txt").write_text("looked at, kept nowhere")
    looked_at = write_exact_tree(work_tree)
    age(work_tree.repository)
    collect(work_tree.repository, lambda: roots_of(work_tree))
    kept = save_snapshot(work_tree, ref=f"{SNAPSHOT_REFS}1", message="m", parent=None)
    assert kept.tree == looked_at
    check(work_tree.repository, kept.commit)


def test_a_fetch_in_between_ends_it_with_nothing_removed(work_tree: WorkTree) -> None:
    repository = work_tree.repository
    gone = take(work_tree, "gone", "gone")
    repository.delete_ref(f"{SNAPSHOT_REFS}gone")
    age(repository)

    @contextmanager
    def meanwhile() -> Iterator[None]:
        repository.update_ref("refs/quarterdeck/incoming/found", gone.commit, None)
        yield

    with pytest.raises(GitFailed) as refused:
        collect(repository, list, locked=meanwhile)
    assert refused.value.code == "repository-changed"
    check(repository, gone.commit)


def test_a_damaged_repository_loses_nothing_more(work_tree: WorkTree) -> None:
    repository = work_tree.repository
    kept = take(work_tree, "kept", "kept")
    other = take(work_tree, "other", "other")
    repository.delete_ref(f"{SNAPSHOT_REFS}other")
    age(repository)
    blob = repository.run(["rev-parse", f"{kept.commit}:note.txt"]).decode().strip()
    (repository.private_objects / blob[:2] / blob[2:]).unlink()
    with pytest.raises(GitError):
        collect(repository, list)
    assert is_there(repository, other.commit)


def test_snapshots_that_are_taken_meanwhile_are_whole(work_tree: WorkTree) -> None:
    """They come back to states whose objects are old and nowhere named: those that a collection is removing."""
    repository, done = work_tree.repository, threading.Event()
    lock = threading.Lock()
    taken: list[str] = []

    def write() -> None:
        while not done.is_set():
            number = len(taken)
            with lock:
                taken.append(take(work_tree, f"{number}", f"state {number % 3}").commit)
                if number > 1:
                    repository.delete_ref(f"{SNAPSHOT_REFS}{number - 2}")

    @contextmanager
    def locked() -> Iterator[None]:
        with lock:
            yield

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(4):
            age(repository)
            collect(repository, lambda: roots_of(work_tree), locked=locked)
            wanted = len(taken) + 2
            wait_until(lambda: len(taken) >= wanted)  # noqa: B023 - called in this turn
    finally:
        done.set()
        writer.join()
    check(repository, taken[-1])


KILLED = """
import os, pathlib, signal, sys
from projects.git import collecting
from projects.git.kept_indexes import trees_in_indexes
from projects.git.repository import Repository
from projects.git.work_tree import WorkTree
moment, left = sys.argv[1], int(sys.argv[2])
repository = Repository(pathlib.Path(sys.argv[3]))
tree = WorkTree(repository, pathlib.Path(sys.argv[4]), pathlib.Path(sys.argv[5]))
def counted(call):
    def step(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return step
if moment == "unlink":
    pathlib.Path.unlink = counted(pathlib.Path.unlink)
else:
    setattr(collecting, moment, counted(getattr(collecting, moment)))
collecting.collect(repository, lambda: trees_in_indexes(tree))
"""


@pytest.mark.parametrize(
    ("moment", "steps"),
    [("_pack", 1), ("_pack", 2), ("_pack", 3), ("_remove", 0), ("_remove", 1), ("unlink", 6), ("unlink", 9)],
)
def test_killed_at_any_point_it_has_lost_nothing_and_the_next_one_goes_on(
    work_tree: WorkTree, moment: str, steps: int
) -> None:
    repository = work_tree.repository
    gone, kept = take(work_tree, "gone", "gone"), take(work_tree, "kept", "kept")
    reviewed = write_review_tree(work_tree)
    repository.run(
        ["pack-objects", "--revs", "-q", str(repository.private_objects / "pack" / "pack")],
        standard_input=f"{gone.commit}\n".encode(),
    )
    repository.delete_ref(f"{SNAPSHOT_REFS}gone")
    age(repository)
    places = (repository.path, work_tree.path, work_tree.index_dir)
    command = [sys.executable, "-c", KILLED, moment, str(steps), *map(str, places)]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    check(repository, kept.commit, reviewed)
    age(repository)
    collect(repository, lambda: roots_of(work_tree))
    check(repository, kept.commit, reviewed)
    assert not is_there(repository, gone.commit)
    assert len(packs(repository.private_objects)) == 1
