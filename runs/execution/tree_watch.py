"""Tells when something in an agent's work tree may have changed, by the file system; it never looks outside of it.

Every folder is watched by itself: a recursive watch follows symbolic links, and an agent can make one to `/`.
"""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path

from watchfiles import Change, awatch

MAX_FOLDERS = 20_000
"""More are not watched: the kernel's watches (fs.inotify.max_user_watches) are shared by all runs."""
SETTLE_MS = 50
GATHER_MS = 200
UNWATCHED_SECONDS = 5.0
"""How often a tree that cannot be watched is taken as changed."""

logger = logging.getLogger(__name__)
Changes = set[tuple[Change, str]]


async def watch_tree(root: Path) -> AsyncGenerator[None, None]:
    """Yields soon after something has changed, once for all that changed at about the same time."""
    is_first = True
    while True:
        try:
            folders = await asyncio.to_thread(folders_below, root)
            if len(folders) > MAX_FOLDERS:
                raise OSError(f"it has more than {MAX_FOLDERS} folders")
            async with aclosing(_until_new_folders(folders, is_first=is_first)) as changes:
                async for _ in changes:
                    yield
        except FileNotFoundError:  # a folder went away while the watch was being made
            yield
            await asyncio.sleep(GATHER_MS / 1000)
        except Exception as error:  # as many as watchfiles has: OSError, and its own for what the kernel refuses
            if is_first:
                logger.warning("A work tree is looked at every %s s only: %s", UNWATCHED_SECONDS, error)
            yield
            await asyncio.sleep(UNWATCHED_SECONDS)
        is_first = False


def folders_below(root: Path) -> list[str]:
    """The folder and all those in it, but few more than MAX_FOLDERS. No link is followed.

    Where the agent puts a link in a folder's place at the very moment, folders elsewhere are looked at for their names,
    as many at most, and what changes there only causes looks at the tree.
    """
    found: list[str] = []
    waiting = [os.fspath(root)]
    while waiting and len(found) <= MAX_FOLDERS:
        place = waiting.pop()
        found.append(place)
        with suppress(OSError), os.scandir(place) as entries:
            waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return found


async def _until_new_folders(folders: list[str], *, is_first: bool) -> AsyncGenerator[None, None]:
    """Ends when there is a folder that is not watched yet. What happens meanwhile is told after the next start."""
    has_told, is_whole = is_first, False
    async for changes in awatch(
        *folders,
        watch_filter=None,
        step=SETTLE_MS,
        debounce=GATHER_MS,
        rust_timeout=GATHER_MS,
        yield_on_timeout=True,
        recursive=False,
        ignore_permission_denied=True,
    ):
        if changes or not has_told:
            has_told = True
            yield
        if await asyncio.to_thread(_has_new_folder, changes):
            return
        if not is_whole and await asyncio.to_thread(_has_others, folders):
            return
        is_whole = True


def _has_others(folders: list[str]) -> bool:
    """A folder that was made after they were listed and before the watch stood: nobody was told of it."""
    return not set(folders).issuperset(folders_below(Path(folders[0])))


def _has_new_folder(changes: Changes) -> bool:
    return any(
        change is Change.added and Path(path).is_dir() and not Path(path).is_symlink() for change, path in changes
    )
