"""A real remote, by git's own daemon, that keeps its first push waiting in a hook until it is let go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import git
from tests.projects.git.remotes import git_daemon

HOOK = """#!/bin/sh
mkdir "{place}/first" 2>/dev/null || exit 0
touch "{place}/asked"
while [ ! -e "{place}/go-on" ]; do sleep 0.05; done
"""


class SlowRemote:
    """`url` is its address; what `has_asked` tells of is a push that has been sent whole and waits for its answer."""

    def __init__(self, url: str, place: Path) -> None:
        self.url, self._place = url, place

    def has_asked(self) -> bool:
        return (self._place / "asked").exists()

    def go_on(self) -> None:
        (self._place / "go-on").touch()


@contextmanager
def slow_remote(remote: Path) -> Iterator[SlowRemote]:
    """Serves the bare repository, pushes too, to whoever may reach loopback."""
    place = remote.with_name("slow")
    place.mkdir()
    git("config", "daemon.receivepack", "true", cwd=remote)
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK.format(place=place))
    hook.chmod(0o755)
    with git_daemon(remote.parent) as port:
        slow = SlowRemote(f"git://127.0.0.1:{port}/{remote.name}", place)
        try:
            yield slow
        finally:
            slow.go_on()
