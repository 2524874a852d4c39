"""``python -m runs.execution.model_server [--port 0]``: prints its address and serves until it is told to stop."""

import argparse
import asyncio
import signal
import sys

from .server import ModelServer


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="model_server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="a free one unless said")
    parser.add_argument("--model", action="append", help="a model to list; may be given again")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, tuple(arguments.model or ("scripted",))))


async def _serve(port: int, models: tuple[str, ...]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with ModelServer(port, models) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        await stopped.wait()


if __name__ == "__main__":
    main()
