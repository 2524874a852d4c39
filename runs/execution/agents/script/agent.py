"""The agent's side of the Agent Client Protocol, version 1 (agentclientprotocol.com): its methods and its main."""

import os
import signal
import sys
import uuid
from pathlib import Path
from typing import NoReturn

from .permissions import MODE_ASK, MODE_AUTO
from .protocol import INVALID_PARAMS, Json, Peer, RpcError, Work
from .session import Session
from .state import SessionState, SessionStore, SessionUnknown

PROTOCOL_VERSION = 1
_RESOURCE_NOT_FOUND = -32002
_SHUTDOWN_SECONDS = 2.0
_MODES = {
    MODE_ASK: "Asks leave before each command and each change of a file",
    MODE_AUTO: "Asks leave only where the prompt says so",
}


class ScriptAgent:
    """Sessions by id; every method takes ACP params and gives an ACP result."""

    def __init__(self, peer: Peer, home: Path) -> None:
        self._peer = peer
        self._home = home
        self._sessions: dict[str, Session] = {}

    def serve(self) -> None:
        """Answer until the client closes; what still runs is ended then."""
        try:
            self._peer.serve(
                {
                    "initialize": self.initialize,
                    "authenticate": self.authenticate,
                    "session/new": self.new_session,
                    "session/load": self.load_session,
                    "session/set_mode": self.set_mode,
                    "session/prompt": self.prompt,
                },
                {"session/cancel": self.cancel},
            )
        finally:
            self._shut_down()

    def initialize(self, params: Json) -> Json:
        """Say what this agent is and can."""
        return {
            "protocolVersion": PROTOCOL_VERSION,
            "agentCapabilities": {"loadSession": True},
            "agentInfo": {"name": "script", "title": "Script", "version": "1"},
            "authMethods": [],
        }

    def authenticate(self, params: Json) -> Json:
        """Nothing to log in to."""
        return {}

    def new_session(self, params: Json) -> Json:
        """Open a session in the work tree ``cwd``, in mode ``ask``."""
        session_id = uuid.uuid4().hex
        store = SessionStore(self._home, session_id)
        work_tree = _work_tree(params)
        store.create()
        state = SessionState(session_id, MODE_ASK)
        store.save(state)
        self._sessions[session_id] = Session(self._peer, store, state, work_tree)
        return {"sessionId": session_id, "modes": _modes(state)}

    def load_session(self, params: Json) -> Json:
        """Open a former session of this run home again and show its history."""
        session_id = _text(params, "sessionId")
        try:
            store = SessionStore(self._home, session_id)
            state = store.load()
        except SessionUnknown:
            raise RpcError(_RESOURCE_NOT_FOUND, "Not found", f"There is no session {session_id!r}") from None
        session = Session(self._peer, store, state, _work_tree(params))
        self._sessions[session_id] = session
        session.replay()
        return {"modes": _modes(state)}

    def set_mode(self, params: Json) -> Json:
        """Change the mode of an open session."""
        mode = _text(params, "modeId")
        if mode not in _MODES:
            raise RpcError(INVALID_PARAMS, "Invalid params", f"There is no mode {mode!r}, only {', '.join(_MODES)}")
        self._session(params).set_mode(mode)
        return {}

    def prompt(self, params: Json) -> Work:
        """Claim the session for a turn; the turn itself runs in a thread of its own."""
        session = self._session(params)
        text = _prompt_text(params)
        key = _turn_key(params)
        conversation = session.begin()
        return lambda: session.prompt(text, key, conversation)

    def cancel(self, params: Json) -> None:
        """End the running turn of a session, if there is one."""
        session = self._sessions.get(str(params.get("sessionId")))
        if session is not None:
            session.cancel()

    def _session(self, params: Json) -> Session:
        session_id = _text(params, "sessionId")
        if session_id not in self._sessions:
            raise RpcError(_RESOURCE_NOT_FOUND, "Not found", f"There is no open session {session_id!r}")
        return self._sessions[session_id]

    def _shut_down(self) -> None:
        for session in self._sessions.values():
            session.cancel()
        for session in self._sessions.values():
            session.wait_idle(_SHUTDOWN_SECONDS)


def _modes(state: SessionState) -> Json:
    available = [{"id": mode, "name": mode, "description": text} for mode, text in _MODES.items()]
    return {"currentModeId": state.mode, "availableModes": available}


def _text(params: Json, name: str) -> str:
    value = params.get(name)
    if not isinstance(value, str):
        raise RpcError(INVALID_PARAMS, "Invalid params", f"{name} must be a text")
    return value


def _work_tree(params: Json) -> Path:
    folder = Path(_text(params, "cwd"))
    if not folder.is_absolute() or not folder.is_dir():
        raise RpcError(
            INVALID_PARAMS, "Invalid params", f"cwd must be an existing absolute folder, not {str(folder)!r}"
        )
    return folder


def _prompt_text(params: Json) -> str:
    blocks = params.get("prompt")
    if not isinstance(blocks, list):
        raise RpcError(INVALID_PARAMS, "Invalid params", "prompt must be a list of content blocks")
    texts = [block.get("text") for block in blocks if isinstance(block, dict)]
    return "\n\n".join(text for text in texts if isinstance(text, str))


def _turn_key(params: Json) -> str | None:
    """The client's own name for the turn, ``_meta.quarterdeck.turn``: the same name is the same turn."""
    meta = params.get("_meta")
    ours = meta.get("quarterdeck") if isinstance(meta, dict) else None
    key = ours.get("turn") if isinstance(ours, dict) else None
    return key if isinstance(key, str) else None


def _leave(signal_number: int, frame: object) -> NoReturn:
    sys.exit(128 + signal_number)


def main() -> None:
    """Serve on stdin and stdout until the client closes them or SIGTERM comes."""
    signal.signal(signal.SIGTERM, _leave)
    home = Path(os.environ.get("HOME", "/")).absolute()
    try:
        ScriptAgent(Peer(sys.stdin.buffer, sys.stdout.buffer), home).serve()
    finally:
        # A client that closed early would make the interpreter's last flush fail (docs.python.org, "SIGPIPE").
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
