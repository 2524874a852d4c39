"""What an attempt's agent is still to be told: the run's prompt, then the follow-ups in the order of arrival."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction

from projects.leases import Lease
from runs.events import Draft, LeaseLost, append
from runs.models import RunAttempt, RunMessage
from runs.services import messages


@dataclass(frozen=True)
class Prompt:
    """One turn. Its name stays the same over recoveries, so that an agent that knows it repeats nothing."""

    name: str
    text: str
    message: RunMessage | None = None


def next_prompt(attempt: RunAttempt) -> Prompt | None:
    """The turn that comes next, or was cut short; None when the agent has been told everything."""
    run, prefix = attempt.run, f"{attempt.run_id}-{attempt.number}"
    if not attempt.is_prompt_done:
        return Prompt(f"{prefix}-1", run.prompt)
    message = messages.next_message(run)
    return None if message is None else Prompt(f"{prefix}-message-{message.pk}", message.text, message)


def begin(prompt: Prompt, attempt: RunAttempt, lease: Lease, told: Draft | None = None) -> bool:
    """The agent is about to be told, and the log tells of what it is shown with it, in the same transaction.

    False where the message was withdrawn. LeaseLost when the run is another's.
    """
    with holding(lease):
        if prompt.message is None:
            attempt.is_prompt_given = True
            attempt.save(update_fields=["is_prompt_given"])
        elif not messages.mark_given(prompt.message, lease):
            return False
        append(attempt.run, [told] if told else [], lease=lease)
    return True


def finish(prompt: Prompt, attempt: RunAttempt, lease: Lease) -> None:
    """The turn has come to its end, and all that the agent said in it is written down."""
    with holding(lease):
        if prompt.message is not None:
            messages.mark_done(prompt.message)
        else:
            attempt.is_prompt_done = True
        attempt.is_recap_due = False
        attempt.save(update_fields=["is_prompt_done", "is_recap_due"])


def forget_session(attempt: RunAttempt, lease: Lease) -> None:
    """No agent can open it any more: until a turn has come to its end, the next one begins anew, with a recap."""
    with holding(lease):
        attempt.is_recap_due = True
        attempt.save(update_fields=["is_recap_due"])


def keep_session(attempt: RunAttempt, session_id: str, lease: Lease) -> None:
    """The agent's own name of the session, by which it opens it again."""
    with holding(lease):
        attempt.session_id = session_id
        attempt.save(update_fields=["session_id"])


@contextmanager
def holding(lease: Lease) -> Iterator[None]:
    """A transaction that nobody can take the run over in."""
    with transaction.atomic():
        if not lease.held().select_for_update().exists():
            raise LeaseLost(lease.pk)
        yield
