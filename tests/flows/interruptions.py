"""What happens to a server while its clients read: its web process is killed, or the whole of it starts again."""

from collections.abc import Callable
from typing import Any

from tests.flows.client import web_process
from tests.flows.log_writer import LogWriter
from tests.processes import alive
from tests.serving import Server, StartServer, is_ready, wait_until


def kill_web(server: Server, start_server: StartServer, meanwhile: Callable[[], None]) -> None:
    """kill -9 of the web process, which the supervisor starts again."""
    web = web_process(server)
    web.kill()
    wait_until(lambda: not alive([web]))
    meanwhile()
    wait_until(lambda: is_ready(server.address))


def restart(server: Server, start_server: StartServer, meanwhile: Callable[[], None]) -> None:
    """The whole server stops, and comes back where it was."""
    server.stop()
    meanwhile()
    start_server(port=int(server.address.rpartition(":")[2]))


def interrupt_follower(
    interrupt: Callable[..., None],
    server: Server,
    start_server: StartServer,
    writer: LogWriter,
    printed: Callable[[], list[Any]],
) -> None:
    """Interrupts the server of a client that follows a run of 30 events; it prints what is in the table in the end."""
    wait_until(lambda: len(printed()) == 30)
    writer.append(30)
    interrupt(server, start_server, lambda: writer.append(30))
    writer.append(5)
    wait_until(lambda: len(printed()) >= 95)
    assert printed() == writer.rows()
