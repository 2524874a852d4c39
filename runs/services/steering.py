"""What an operator does to runs by hand, in the console and from the command line: the moves of the API by name."""

from collections.abc import Callable, Mapping

from runs.services import lifecycle, pausing

STEERING: Mapping[str, Callable[..., object]] = {
    "start": lifecycle.start_run,
    "pause": pausing.pause_run,
    "resume": pausing.resume_run,
    "cancel": lifecycle.cancel_run,
    "retry": lifecycle.retry_run,
}
