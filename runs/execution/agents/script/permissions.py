"""Whether a step may be done: asks in mode ``ask``, remembers "always", and never assumes a yes."""

from .conversation import ALLOW_ALWAYS, ALLOW_ONCE, REJECT_ONCE, Conversation
from .protocol import Json
from .state import SessionState

MODE_ASK = "ask"
MODE_AUTO = "auto"


class NotAllowed(Exception):
    """The person who was asked said no."""


def require_leave(word: str, tool_call: Json, state: SessionState, conversation: Conversation) -> None:
    """Return when the step may be done; raises NotAllowed or TurnCancelled."""
    if state.mode == MODE_AUTO or word in state.always_allowed:
        return
    option = conversation.ask(tool_call, (ALLOW_ONCE, ALLOW_ALWAYS, REJECT_ONCE))
    if option == ALLOW_ALWAYS:
        state.always_allowed.append(word)
    elif option != ALLOW_ONCE:
        raise NotAllowed("it was not allowed")


def require_answer(tool_call: Json, conversation: Conversation) -> None:
    """Ask in every mode, each time anew; raises NotAllowed or TurnCancelled."""
    if conversation.ask(tool_call, (ALLOW_ONCE, REJECT_ONCE)) != ALLOW_ONCE:
        raise NotAllowed("it was not allowed")
