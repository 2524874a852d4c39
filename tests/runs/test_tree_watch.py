"""What changes in a work tree is told soon, also in new folders; what a link leads to is never watched."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from runs.execution import tree_watch
from runs.execution.tree_watch import folders_below, watch_tree

pytestmark = pytest.mark.plumbing


def is_told(root: Path, *changes: Callable[[], object], seconds: float = 10.0) -> list[bool]:
    """For each change whether it is told within some time; each waits a little for the watch to stand."""

    async def watch() -> list[bool]:
        told = asyncio.Event()

        async def follow() -> None:
            async for _ in watch_tree(root):
                told.set()

        following = asyncio.create_task(follow())
        found = []
        for change in changes:
            await asyncio.sleep(0.3)
            told.clear()
            change()
            with suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), seconds)
            found.append(told.is_set())
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        return found

    return asyncio.run(watch())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "tree"
    (made / "src").mkdir(parents=True)
    return made


def test_writes_modes_and_removals_are_told(root: Path) -> None:
    file = root / "src" / "a"
    assert is_told(root, lambda: file.write_text("1"), lambda: file.chmod(0o755), file.unlink) == [True] * 3


def test_writes_in_new_folders_are_told(root: Path) -> None:
    def make() -> None:
        (root / "x/y").mkdir(parents=True)

    assert is_told(root, make, lambda: (root / "x/y/file").write_text("1")) == [True, True]


def test_a_folder_made_while_they_are_listed_is_watched(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def list_and_make(place: Path) -> list[str]:
        found = folders_below(place)
        (root / "late").mkdir(exist_ok=True)
        return found

    monkeypatch.setattr(tree_watch, "folders_below", list_and_make)
    file = root / "late" / "file"
    assert is_told(root, lambda: file.write_text("1"), file.unlink) == [True, True]


def test_what_a_link_leads_to_is_not_watched(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "deep"
    outside.mkdir(parents=True)
    (root / "link").symlink_to(outside.parent)
    assert is_told(root, lambda: (outside / "a").write_text("1"), seconds=0.5) == [False]
    assert folders_below(root) == [str(root), str(root / "src")]


def test_a_tree_of_too_many_folders_is_looked_at_now_and_then(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_watch, "MAX_FOLDERS", 1)
    monkeypatch.setattr(tree_watch, "UNWATCHED_SECONDS", 0.05)
    assert is_told(root, lambda: None) == [True]
