"""Tells readers of the event log in this process that something was committed: no poll and no other process is as fast.

A call carries no data and may be lost with its process; who reads looks by itself too.
"""

from collections.abc import Callable

from django.db import transaction

_wakers: set[Callable[[], None]] = set()


def add_waker(wake: Callable[[], None]) -> None:
    """From now on it is called after each commit of events by this process, in the thread that has committed."""
    _wakers.add(wake)


def remove_waker(wake: Callable[[], None]) -> None:
    """The opposite; one that was not added is no error."""
    _wakers.discard(wake)


def wake_after_commit() -> None:
    """Has the wakers called once the present transaction is committed; without one at once, rolled back never."""
    transaction.on_commit(_wake, robust=True)  # robust: a waker's error is logged, the writer goes on


def _wake() -> None:
    for wake in tuple(_wakers):
        wake()
