"""Starts a server of its own, walks the road on it, then stays up or, with `--exit`, ends it."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from config.demo.output import Output
from config.demo.repositories import choose_repository
from config.demo.road import DemoFailed, Road
from config.demo.server import DemoServer

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def read_arguments() -> argparse.Namespace:
    """The command line of `bin/demo`."""
    parser = argparse.ArgumentParser(
        prog="bin/demo",
        description="Shows the whole road on a server of its own: clone, run, events, diff, approve, commit, push.",
    )
    parser.add_argument("--exit", action="store_true", help="stop everything at the end instead of staying up")
    parser.add_argument("--port", type=int, default=0, help="port of the demo's server (default: a free one)")
    parser.add_argument(
        "repository",
        nargs="?",
        metavar="REPOSITORY_URL",
        help="what to clone and push to (default: a copy of this checkout)",
    )
    return parser.parse_args()


def main() -> int:
    """0 when every step has worked."""
    arguments, out = read_arguments(), Output()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="quarterdeck-demo-"))
    server: DemoServer | None = None
    try:
        repository = choose_repository(arguments.repository, CHECKOUT, folder)
        out.step(f"Serving from {folder} for {repository}")
        server = DemoServer(CHECKOUT, folder / "home", arguments.port)
        server.start()
        Road(server, out).walk(repository)
        out.step(f"Done. Console: {server.address}/admin/  (user {server.email}, password {server.password})")
        if not arguments.exit:
            out.step("Serving until Ctrl-C.")
            server.process.wait()
        return 0
    except KeyboardInterrupt:
        return 130
    except (DemoFailed, OSError, subprocess.CalledProcessError, httpx.HTTPError) as error:
        out.failure(str(error), server.log_tail() if server else "")
        return 1
    finally:
        if server is not None:
            server.stop()
        _remove(folder)


def _remove(folder: Path) -> None:
    """An agent's folders may be unreadable for others: the same rm that the server trusts."""
    for _ in range(3):
        subprocess.run(["rm", "-rf", "--", os.fspath(folder)], check=False, capture_output=True)
        if not folder.exists():
            return
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
