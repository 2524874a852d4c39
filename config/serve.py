"""`bin/serve`: prepares the database once, then keeps the web process and the workers running.

Django is imported once and the processes are forked from here, so that a start costs one import and memory is shared.
"""

import argparse
import os
import shutil
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

from config.home_lock import HomeLockTaken, acquire_home_lock
from config.ports import PortUnusable, answers, wait_for_port
from config.supervisor import Child, print_line, supervise

MIN_FREE_BYTES = 50 * 1024 * 1024
INDEX_NICENESS = 5
"""Indexing takes the time that requests and runs leave."""


class CannotServe(Exception):
    """The server cannot start; the text tells the operator what to do."""


def read_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line of `bin/serve`."""
    parser = argparse.ArgumentParser(prog="bin/serve", description="Serves Quarterdeck until SIGTERM or Ctrl-C.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8765, help="port to listen on (default: %(default)s)")
    return parser.parse_args(arguments)


def main() -> int:
    """Serves; the exit status says whether it ended well."""
    arguments = read_arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        home = _open_home()
        lock = acquire_home_lock(home / "serve.lock")
        wait_for_port(arguments.host, arguments.port)
        concurrency = _prepare(home)
    except (CannotServe, HomeLockTaken, PortUnusable) as error:
        print_line(str(error))
        return 1
    try:
        return supervise(
            _children(arguments, concurrency),
            is_ready=partial(answers, arguments.host, arguments.port),
            on_ready=partial(_announce, arguments),
        )
    finally:
        lock.release()


def _announce(arguments: argparse.Namespace) -> None:
    address = f"http://{arguments.host}:{arguments.port}"
    print_line(f"ready at {address} (API {address}/api/, console {address}/admin/)")


def _open_home() -> Path:
    try:
        from django.conf import settings

        home = Path(settings.HOME)
        free = shutil.disk_usage(home).free
    except OSError as error:
        raise CannotServe(f"the data folder cannot be used: {error}. Make room or set QUARTERDECK_HOME.") from error
    except ValueError as error:  # dj-database-url's; it quotes the scheme at most
        raise CannotServe(f"DATABASE_URL cannot be read: {' '.join(str(error).split())}") from error
    if free < MIN_FREE_BYTES:
        raise CannotServe(f"the disk with {home} is full ({free // 2**20} MiB free): make room, then start again.")
    return home


def _prepare(home: Path) -> int:
    """Brings the database up to date, makes the first operator, and tells how many runs may go on at once."""
    import django
    from django.db import DatabaseError, connections

    django.setup()
    try:
        _migrate()
        from accounts.bootstrap import make_first_operator
        from settings_params.queries import read_param, warn_of_unknown_names

        make_first_operator()
        warn_of_unknown_names()
        _warn_of_missing_agents()
        _warn_of_missing_sandbox(bool(read_param("safety.allow_unsandboxed")))
        return int(read_param("runs.concurrency"))
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CannotServe(f"the database cannot be used: {reason}. Check DATABASE_URL and free disk space.") from error
    finally:
        for connection in connections.all(initialized_only=True):
            connection.close()
            if hasattr(connection, "close_pool"):
                connection.close_pool()


def _migrate() -> None:
    """Migrates only where something is missing: asking costs a tenth of what `migrate` costs."""
    from django.core.management import call_command

    from config.schema_state import missing_migrations

    if missing_migrations():
        print_line("bringing the database up to date")
        call_command("migrate", verbosity=0, interactive=False)


def _warn_of_missing_agents() -> None:
    from settings_params.availability import provider_states
    from settings_params.services.providers import SHORT_SECONDS, probe_providers

    probe_providers(timeout_seconds=SHORT_SECONDS)
    for state in provider_states():
        if state.enabled and not state.available:
            print_line(
                f"WARNING: the agent {state.provider.key} is enabled, but not available: {' '.join(state.missing)}"
            )


def _warn_of_missing_sandbox(allowed: bool) -> None:
    from runs.execution.sandbox.support import probe

    support = probe()
    if not support.is_available:
        print_line(f"WARNING: agents cannot be sandboxed here: {support.reason}")
        consequence = (
            "runs go on WITHOUT a sandbox, since safety.allow_unsandboxed is set: "
            "an agent can do all that this user can."
            if allowed
            else "runs will fail until this is cured, or safety.allow_unsandboxed is set."
        )
        print_line(f"WARNING: {consequence}")


def _children(arguments: argparse.Namespace, concurrency: int) -> list[Child]:
    runs = [Child(f"runs worker {number}", partial(_work, "runs")) for number in range(1, concurrency + 1)]
    return [
        Child("web", partial(_serve_web, arguments.host, arguments.port)),
        *runs,
        Child("worker", partial(_work, "default")),
        Child("index worker", partial(_work, "index")),
    ]


def _serve_web(host: str, port: int) -> int:
    from daphne.endpoints import build_endpoint_description_strings
    from django.urls import get_resolver

    from config.asgi import application
    from config.web_server import make_server

    _ = get_resolver().url_patterns  # imports the views now, not in the first request
    endpoints = build_endpoint_description_strings(host=host, port=port)
    make_server(application, endpoints).run()
    return 0


def _work(queue: str) -> int:
    from django.conf import settings

    from runs.workers.worker import QueueWorker

    if queue == "runs":
        from runs.execution.sandbox.orphans import end_orphans

        worker = QueueWorker(queue, _prepare_for_runs, at_heartbeat=partial(end_orphans, Path(settings.HOME)))
    elif queue == "index":
        os.nice(INDEX_NICENESS)
        worker = QueueWorker(queue)
    else:
        from config.upkeep import Upkeep

        worker = QueueWorker(queue, at_heartbeat=Upkeep())
    worker.work()
    return 0


def _prepare_for_runs() -> None:
    """A second of imports, done while nothing waits for them, so that the first run need not wait."""
    import_module("runs.execution.executor")
    import_module("acp.client.connection")


if __name__ == "__main__":
    sys.exit(main())
