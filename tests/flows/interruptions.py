"""What happens to a server while its clients read: its web process is killed, or the whole of it starts again."""

from collections.abc import Callable

from tests.flows.client import alive, web_process
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
