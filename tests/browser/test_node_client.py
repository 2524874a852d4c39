"""The npm package `eventsource` in Node, by the program of docs/stream-clients.md: it comes back by itself."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser import installing
from tests.flows.client import Client
from tests.flows.cutting_proxy import cutting
from tests.flows.interruptions import interrupt_follower, kill_web, restart
from tests.flows.log_writer import writing
from tests.flows.page_examples import example
from tests.flows.test_clients import following, printed
from tests.serving import Server, StartServer, wait_until

pytestmark = pytest.mark.browser
Interrupt = Callable[[Server, StartServer, Callable[[], None]], None]


@contextmanager
def node(folder: Path, client: Client, address: str, run: int) -> Iterator["subprocess.Popen[bytes]"]:
    """The program on its way; what it prints goes to `printed`."""
    (folder / "follow.mjs").write_text(example("javascript"))
    (folder / "node_modules").symlink_to(installing.node_modules())
    with following(
        [shutil.which("node") or "node", folder / "follow.mjs"],
        folder / "printed",
        PATH=os.environ["PATH"],
        URL=f"{address}/api/runs/{run}/events/stream",
        TOKEN=client.http.headers["Authorization"].removeprefix("Bearer "),
    ) as process:
        yield process


@pytest.mark.parametrize("interrupt", [kill_web, restart], ids=["web process killed", "restarted"])
def test_it_resumes_by_itself_and_ends_with_its_token(
    start_server: StartServer, tmp_path: Path, interrupt: Interrupt
) -> None:
    server = start_server()
    client = Client(server)
    with writing(server, 30) as writer, node(tmp_path, client, server.address, writer.run) as process:
        interrupt_follower(interrupt, server, start_server, writer, lambda: printed(tmp_path / "printed"))

        client.http.post("/api/auth/logout").raise_for_status()
        assert process.wait(60) == 1


def test_cut_off_at_any_byte_it_has_each_event_once(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server()
    client = Client(server)
    with (
        writing(server, 130) as writer,
        cutting(server.address, seed=3, most_bytes=6000) as proxy,
        node(tmp_path, client, proxy.address, writer.run),
    ):
        wait_until(lambda: len(proxy.places) > 5, 120)
        proxy.is_cutting = False
        wait_until(lambda: len(printed(tmp_path / "printed")) >= 130, 120)
        assert printed(tmp_path / "printed") == writer.rows()
