"""Places of event streams on a real server: free again when the client or the web process is gone without a word."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.flows.client import Client, web_process
from tests.processes import alive
from tests.serving import StartServer, is_ready, wait_until

STREAM = "/events/stream"
LET_IN = b"HTTP/1.1 200"


def opened(client: Client, streams: ExitStack, count: int) -> list[int]:
    """The statuses of so many more streams, which stay open."""
    return [streams.enter_context(client.http.stream("GET", f"/api{STREAM}")).status_code for _ in range(count)]


def may_open_one(client: Client) -> bool:
    with client.http.stream("GET", f"/api{STREAM}") as answer:
        return answer.status_code == 200


def test_four_streams_stay_open_a_fifth_does_not_and_a_closed_one_makes_room(start_server: StartServer) -> None:
    client = Client(start_server())
    with ExitStack() as streams:
        assert opened(client, streams, 5) == [200, 200, 200, 200, 429]
    wait_until(lambda: may_open_one(client))
    client.http.close()


def test_a_killed_web_process_frees_its_places(start_server: StartServer) -> None:
    server = start_server()
    client = Client(server)
    with ExitStack() as streams:
        assert opened(client, streams, 4) == [200] * 4
        web = web_process(server)
        web.kill()
        wait_until(lambda: not alive([web]))
    wait_until(lambda: is_ready(server.address))
    with ExitStack() as streams:
        assert opened(Client(server), streams, 4) == [200] * 4


@contextmanager
def deaf_client(client: Client, path: str) -> Iterator[socket.socket]:
    """Opens a stream over a connection that hardly takes anything, sees that it is let in, and never reads again."""
    host, port = client.http.base_url.host, client.http.base_url.port
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.connect((host, port))
    token = client.http.headers["Authorization"]
    connection.sendall(f"GET /api{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n".encode())
    try:
        # Until the answer begins the place is not its own: who asked now for another would get it.
        assert connection.recv(len(LET_IN)) == LET_IN
        yield connection
    finally:
        connection.close()


def test_a_client_that_takes_nothing_any_more_loses_its_place_within_thirty_seconds(
    start_server: StartServer, remote: Path
) -> None:
    client = Client(start_server(QUARTERDECK_PARAM_LIMITS_STREAMS_PER_USER="1"))
    run = client.start_run(client.make_project(remote), "```sh\nseq 1 400000\n```")
    client.wait_for(run, "completed")
    with deaf_client(client, f"/runs/{run}/events/stream"):
        assert not may_open_one(client)
        wait_until(lambda: may_open_one(client), 30)
    client.http.close()
