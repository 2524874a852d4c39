"""`bin/manage tail_run`: a run's live stream in a terminal, straight from the event log."""

import asyncio
import contextlib
import os
import sys
from typing import Any

import orjson
from asgiref.sync import async_to_sync, sync_to_async
from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs.event_lines import event_line
from runs.models import Run
from runs.stream.ending import end
from runs.stream.log import Topic, read_after
from runs.stream.wakeups import watch_commits

LOOK_AGAIN_SECONDS = 2.0
NOT_COMPLETED = 3


class Command(BaseCommand):
    help = (
        "Prints a run's events as they arrive, until the run is over. Exit status: 0 when it has completed, "
        f"{NOT_COMPLETED} when it failed or was cancelled, 1 when there is no such run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", type=int, help="the run's id")
        parser.add_argument("--since", type=int, default=0, help="begin after the event with this id")
        parser.add_argument("--no-follow", action="store_true", help="print what there is and end with status 0")
        parser.add_argument("--json", action="store_true", help="each event as one line of JSON, as in the API")

    def handle(self, *args: Any, **options: Any) -> None:
        if not Run.objects.filter(pk=options["run"]).exists():
            raise CommandError(f"There is no run {options['run']}.")
        with contextlib.suppress(KeyboardInterrupt):
            status = async_to_sync(self._tail)(options)
            if not options["no_follow"] and status != Run.Status.COMPLETED:
                sys.exit(NOT_COMPLETED)

    async def _tail(self, options: dict[str, Any]) -> str:
        topic, cursor, news = Topic(options["run"]), options["since"], asyncio.Event()
        watcher = asyncio.create_task(watch_commits(news.set))
        try:
            while True:
                news.clear()
                status = await sync_to_async(_status)(options["run"])  # first: what it logs when it ends comes after
                frames = await sync_to_async(read_after)(topic, cursor)
                for frame in frames:
                    self._print(frame.public_json, is_json=options["json"])
                    cursor = frame.event_id
                if not frames and (options["no_follow"] or status in Run.AT_REST):
                    return status
                if not frames:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                            await news.wait()
        finally:
            await end(watcher)

    def _print(self, public_json: str, *, is_json: bool) -> None:
        coloured = bool(self.stdout.isatty()) and "NO_COLOR" not in os.environ
        self.stdout.write(public_json if is_json else event_line(orjson.loads(public_json), coloured=coloured))
        self.stdout.flush()


def _status(run_id: int) -> str:
    return Run.objects.values_list("status", flat=True).get(pk=run_id)
