"""One session: carries out one turn at a time and goes on with a turn that a dead agent left unfinished."""

import threading
from collections.abc import Sequence
from pathlib import Path

from .blocks import Say, Step
from .conversation import Conversation, TurnCancelled
from .plan import progress_after
from .protocol import INVALID_PARAMS, INVALID_REQUEST, Json, Peer, RpcError
from .state import CANCELLED, COMPLETED, FAILED, SessionState, SessionStore, Turn
from .steps import StepContext, StepFailed, do_step

STEP_FAILED = -32010
_NO_USAGE = {"totalTokens": 0, "inputTokens": 0, "outputTokens": 0}


class Session:
    """A work tree, a state that survives the process, and at most one running turn."""

    def __init__(self, peer: Peer, store: SessionStore, state: SessionState, work_tree: Path) -> None:
        self._peer = peer
        self._store = store
        self._work_tree = work_tree
        self._left_over: Turn | None = None
        self._conversation: Conversation | None = None
        self._is_idle = threading.Event()
        self._is_idle.set()
        self.state = state

    def replay(self) -> None:
        """Show the history again and keep an unfinished last turn for the next prompt to go on with."""
        for update in self._store.history():
            self._peer.notify("session/update", {"sessionId": self.state.session_id, "update": update})
        last = self.state.turns[-1] if self.state.turns else None
        self._left_over = last if last is not None and last.is_unfinished else None

    def set_mode(self, mode: str) -> None:
        """Change the mode, for steps that have not begun."""
        self.state.mode = mode
        self._store.save(self.state)

    def begin(self) -> Conversation:
        """Claim the session for a turn, in the thread that reads requests: a cancel that follows finds it."""
        if not self._is_idle.is_set():
            raise RpcError(INVALID_REQUEST, "Busy", "The session is already carrying out a prompt")
        self._is_idle.clear()
        self._conversation = Conversation(self._peer, self.state.session_id, self._work_tree, self._store)
        return self._conversation

    def cancel(self) -> None:
        """Tell the running turn to end."""
        if self._conversation is not None:
            self._conversation.is_cancelled.set()

    def wait_idle(self, timeout_seconds: float) -> None:
        """Return when no turn runs, or after the timeout."""
        self._is_idle.wait(timeout_seconds)

    def prompt(self, text: str, key: str | None, conversation: Conversation) -> Json:
        """Carry out a prompt and answer its result; raises RpcError with the reason of a failure."""
        try:
            for turn in self._turns_to_do(text, key):
                self._carry_out(turn, conversation)
        except TurnCancelled:
            return {"stopReason": "cancelled", "usage": _NO_USAGE}
        finally:
            self._conversation = None
            self._is_idle.set()
        return {"stopReason": "end_turn", "usage": _NO_USAGE}

    def _turns_to_do(self, text: str, key: str | None) -> list[Turn]:
        """The unfinished turn of a loaded session comes first; a prompt that is this turn again adds none."""
        left_over, self._left_over = self._left_over, None
        turns = [left_over] if left_over else []
        known = next((turn for turn in self.state.turns if key is not None and turn.key == key), None)
        if known is not None:
            return turns if known in turns else [*turns, known]
        if left_over is not None and left_over.prompt == text:
            return turns
        self.state.turns.append(Turn(key, text))
        self._store.save(self.state)
        return [*turns, self.state.turns[-1]]

    def _carry_out(self, turn: Turn, conversation: Conversation) -> None:
        if turn.status == COMPLETED:
            return
        if turn.status == FAILED:
            raise RpcError(STEP_FAILED, "Step failed", turn.reason)
        try:
            self._do_steps(turn, self._steps(turn), conversation)
        except TurnCancelled:
            self._end(turn, CANCELLED)
            raise
        except RpcError as error:
            self._end(turn, FAILED, str(error))
            raise
        self._end(turn, COMPLETED)
        conversation.show({"sessionUpdate": "usage_update", "used": 0, "size": 0})

    def _steps(self, turn: Turn) -> tuple[Step, ...]:
        # The Markdown parser is a third of this agent's imports: the handshake need not wait for it.
        from .prompt import PromptError, parse_prompt

        try:
            return parse_prompt(turn.prompt)
        except PromptError as error:
            raise RpcError(INVALID_PARAMS, "Prompt refused", str(error)) from None

    def _do_steps(self, turn: Turn, steps: Sequence[Step], conversation: Conversation) -> None:
        context = StepContext(conversation, self.state)
        for index in range(turn.finished_steps, len(steps)):
            if conversation.is_cancelled.is_set():
                raise TurnCancelled
            try:
                do_step(steps[index], context)
            except StepFailed as error:
                raise RpcError(STEP_FAILED, "Step failed", _named(steps, index, str(error))) from None
            turn.finished_steps = index + 1
            self._store.save(self.state)
            self._show_plan(steps, index, conversation)

    def _show_plan(self, steps: Sequence[Step], index: int, conversation: Conversation) -> None:
        progress = progress_after(steps, index + 1)
        if progress is not None and not isinstance(steps[index], Say):
            conversation.show(progress.as_update(), is_remembered=True)

    def _end(self, turn: Turn, status: str, reason: str = "") -> None:
        turn.status = status
        turn.reason = reason
        if status != CANCELLED:
            turn.prompt = ""
        self._store.save(self.state)


def _named(steps: Sequence[Step], index: int, reason: str) -> str:
    """The reason with the step's number among the acting blocks, its word and its line."""
    number = sum(not isinstance(step, Say) for step in steps[: index + 1])
    return f"step {number} ({steps[index].word}, line {steps[index].line}): {reason}"
