"""The client's side of the Agent Client Protocol: drives one agent over given streams, and never waits without end
for one that is broken.

It offers the agent neither files nor terminals: what changed is read from the work tree. The ACP SDK takes about a
second to import, so it is imported on first use, or ahead of time by preload().
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from .attachments import PromptFile, prompt_blocks
from .dialect import PLAIN, Dialect
from .errors import AgentFailed, AgentGone
from .failure import refusal_reason
from .mcp import McpServer, in_acp
from .payload import value_of
from .permission import PermissionRequest, is_refusal, permission_request
from .stderr_tail import StderrTail
from .translate import Translator
from .updates import AgentUpdate, TokenUsage, Unrecognised
from .wire import AgentWire

if TYPE_CHECKING:
    from acp import RequestPermissionResponse
    from acp.client.connection import ClientSideConnection
    from acp.schema import AgentCapabilities, PermissionOption, PromptCapabilities, SessionModeState, ToolCallUpdate

    from .attachments import Block

OnUpdate = Callable[[AgentUpdate], Awaitable[None] | None]
OnPermission = Callable[[PermissionRequest], Awaitable[str | None]]
Answer = TypeVar("Answer")
_CANCEL_SECONDS = 5.0
_METHOD_NOT_FOUND = -32601
_MAX_QUESTIONS = 100
_LONGEST_SESSION_ID = 200
NO_META: Mapping[str, Any] = MappingProxyType({})


def preload() -> None:
    """Import the ACP SDK now, so that the first session starts a second sooner."""
    importlib.import_module("acp.client.connection")


@dataclass(frozen=True, slots=True)
class PromptOutcome:
    """The end of a turn: ``end_turn``, ``max_tokens``, ``max_turn_requests``, ``refusal`` or ``cancelled`` (ACP)."""

    stop_reason: str
    usage: TokenUsage | None


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """What the agent said of itself. ``mcp_kinds``: which kinds of MCP servers it takes."""

    name: str
    version: str
    can_load_session: bool
    mcp_kinds: frozenset[str] = frozenset({"stdio"})


class AgentSession:
    """One agent process and its one session.

    ``on_update`` is called with every update in the order of the wire, and before the answer that follows it; an
    awaitable that it returns is awaited before more is read, which holds a flooding agent back. ``on_permission``
    gives the id of the chosen option, or None for "cancelled". What a callback raises ends the session and is raised
    from the call in progress. All methods raise AgentFailed, or AgentGone when the process has ended.
    """

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        reader: asyncio.StreamReader,
        *,
        on_update: OnUpdate,
        on_permission: OnPermission,
        stderr: asyncio.StreamReader | None = None,
        dialect: Dialect = PLAIN,
        session_meta: Mapping[str, Any] = NO_META,
        initialize_timeout_seconds: float = 60.0,
        session_timeout_seconds: float = 120.0,
        limit_bytes: int | None = None,
    ) -> None:
        self._wire = AgentWire(writer, reader, self._take, limit_bytes=limit_bytes)
        self._on_update = on_update
        self._on_permission = on_permission
        self._stderr = StderrTail(stderr) if stderr else None
        self._initialize_timeout_seconds = initialize_timeout_seconds
        self._session_timeout_seconds = session_timeout_seconds
        self._dialect, self._session_meta = dialect, session_meta
        self._translator = Translator(dialect)
        self._is_replaying = False
        self._questions: set[asyncio.Task[str | None]] = set()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._opened: ClientSideConnection | None = None
        self._takes: PromptCapabilities | None = None
        self._session_id = ""

    @property
    def stderr_text(self) -> str:
        """The last 64 KiB of what the agent wrote to stderr."""
        return self._stderr.text if self._stderr else ""

    async def initialize(self) -> AgentIdentity:
        """Shake hands."""
        await asyncio.to_thread(preload)
        from acp import PROTOCOL_VERSION
        from acp.client.connection import ClientSideConnection
        from acp.schema import ClientCapabilities, Implementation

        self._opened = ClientSideConnection(_Door(self._ask), self._wire)  # type: ignore[arg-type]
        meta = dict(self._dialect.client_meta)
        capabilities = ClientCapabilities.model_validate({"_meta": meta}) if meta else None
        answer = await self._call(
            self._connection.initialize(
                PROTOCOL_VERSION, capabilities, Implementation(name="quarterdeck", version="1")
            ),
            "the handshake",
            self._initialize_timeout_seconds,
        )
        if answer.protocol_version != PROTOCOL_VERSION:
            raise AgentFailed(
                f"The agent speaks version {answer.protocol_version} of the Agent Client Protocol, this server "
                f"version {PROTOCOL_VERSION}: install a release of the agent that fits."
            )
        info, offered = answer.agent_info, answer.agent_capabilities
        can_load = bool(offered and offered.load_session)
        self._takes = offered.prompt_capabilities if offered else None
        return AgentIdentity(info.name if info else "", info.version if info else "", can_load, _mcp_kinds(offered))

    async def new_session(self, cwd: str, mode: str | None, mcp_servers: Sequence[McpServer] = ()) -> str:
        """Open a session in ``cwd`` (absolute), in ``mode`` unless None; gives its id."""
        servers = [in_acp(server) for server in mcp_servers]
        request = self._connection.new_session(cwd=cwd, mcp_servers=servers, **self._session_meta)
        answer = await self._call(request, "the new session", self._session_timeout_seconds)
        self._session_id = answer.session_id
        if len(self._session_id) > _LONGEST_SESSION_ID or not self._session_id.isprintable():
            raise AgentFailed(f"The agent's session has no name of at most {_LONGEST_SESSION_ID} plain characters.")
        await self._set_mode(mode, answer.modes)
        return self._session_id

    async def load_session(
        self, session_id: str, cwd: str, mode: str | None, mcp_servers: Sequence[McpServer] = ()
    ) -> None:
        """Open a former session again; the updates until the next prompt are marked as replay.

        Not only those until it is open: Gemini CLI begins to show its history then.
        """
        self._is_replaying = True
        servers = [in_acp(server) for server in mcp_servers]
        answer = await self._call(
            self._connection.load_session(cwd=cwd, session_id=session_id, mcp_servers=servers, **self._session_meta),
            "the request to load its session",
            self._session_timeout_seconds,
        )
        self._session_id = session_id
        await self._set_mode(mode, answer.modes)

    async def prompt(self, text: str, *, turn: str | None = None, files: Sequence[PromptFile] = ()) -> PromptOutcome:
        """One turn, however long it takes.

        ``turn`` names it (``_meta.quarterdeck.turn``): given again after load_session, an agent that knows the name
        goes on with that turn and repeats nothing of it.
        """
        self._is_replaying = False
        meta = {"quarterdeck": {"turn": turn}} if turn else {}
        request = self._connection.prompt(self._session_id, self._blocks(text, files), **meta)
        answer = await self._call(request, "the prompt", None)
        await self._tell(self._translator.end_refused())
        told = answer.model_dump(mode="json", by_alias=True, exclude_none=True)
        return PromptOutcome(str(answer.stop_reason), self._dialect.usage(told))

    def _blocks(self, text: str, files: Sequence[PromptFile]) -> "list[Block]":
        takes = self._takes
        return prompt_blocks(
            text,
            files,
            takes_images=bool(takes and takes.image),
            takes_resources=bool(takes and takes.embedded_context),
        )

    async def cancel(self) -> None:
        """Ask the agent to end its turn; open permission requests are answered "cancelled". prompt() still returns."""
        for question in tuple(self._questions):
            question.cancel()
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_CANCEL_SECONDS):
                await self._connection.cancel(self._session_id)

    async def close(self) -> None:
        """Close the agent's input and stop listening. Ending its process is the sandbox's part.

        Until that end its stdout and stderr are still read, so that the process can be waited for.
        """
        for question in tuple(self._questions):
            question.cancel()
        if self._opened is not None:
            with suppress(OSError):  # an answer that was under way to an agent that is gone
                await self._opened.close()
        await self._wire.close()
        self._wire.discard()

    @property
    def _connection(self) -> "ClientSideConnection":
        if self._opened is None:
            raise RuntimeError("initialize() comes first")
        return self._opened

    async def _set_mode(self, mode: str | None, modes: "SessionModeState | None") -> None:
        if mode is None or (modes is not None and modes.current_mode_id == mode):
            return
        if modes is None or mode not in {available.id for available in modes.available_modes}:
            raise AgentFailed(f"The agent offers no session mode {mode!r}: its release does not fit its profile.")
        request = self._connection.set_session_mode(session_id=self._session_id, mode_id=mode)
        await self._call(request, "the request to set its mode", self._session_timeout_seconds)

    async def _call(self, request: Coroutine[Any, Any, Answer], what: str, timeout_seconds: float | None) -> Answer:
        task = asyncio.ensure_future(request)
        either: set[asyncio.Future[Any]] = {task, self._broken}
        try:
            await asyncio.wait(either, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            task.cancel()
        if self._broken.done():
            raise await self._end_reason()
        if not task.done():
            raise AgentFailed(f"The agent did not answer {what} within {timeout_seconds:g} seconds.")
        try:
            return task.result()
        except ConnectionError:
            raise await self._end_reason() from None
        except Exception as error:
            raise AgentFailed(refusal_reason(error, what)) from None

    async def _end_reason(self) -> Exception:
        if self._wire.error is not None:
            return self._wire.error
        if self._wire.problem is not None:
            return AgentFailed(f"The agent {self._wire.problem}.")
        last_words = await self._stderr.last_words() if self._stderr else ""
        return AgentGone("The agent's process ended." + (f" Its last words:\n{last_words}" if last_words else ""))

    async def _take(self, message: dict[str, Any]) -> bool:
        """See a message before the SDK does; True when nothing is left for the SDK to do."""
        method = message.get("method")
        if method == "session/update" and "id" not in message:
            payload = value_of(message, "params", "update")
            await self._tell(self._translator.translate(payload, is_replay=self._is_replaying))
            return True
        if method == "session/request_permission":
            if len(self._questions) >= _MAX_QUESTIONS:
                raise AgentFailed(f"The agent asked more than {_MAX_QUESTIONS} questions at once.")
            await self._tell(self._translator.take_request(value_of(message, "params", "toolCall")))
        elif method is not None and "id" not in message:
            # A notification of the agent's own. Without a word for it here, it is kept all the same.
            params = message.get("params")
            await self._tell((Unrecognised(method, params if isinstance(params, dict) else {"": params}),))
            return True
        elif method is not None:
            # The SDK would answer null to some of these, as if they had been done.
            await self._wire.send(_refusal(message["id"]))
            return True
        return False

    async def _tell(self, updates: tuple[AgentUpdate, ...]) -> None:
        for update in updates:
            waiting = self._on_update(update)
            if waiting is not None:
                await waiting

    async def _ask(self, tool_call: dict[str, Any], options: list[dict[str, Any]]) -> str | None:
        """The chosen option id; None when the turn was cancelled meanwhile, or the callback failed."""
        call = self._translator.asked_about(str(tool_call.get("toolCallId")))
        plain = self._dialect.plainly(tool_call)
        withheld = self._dialect.withheld
        offered = [option for option in options if withheld.isdisjoint((option.get("kind"), option.get("optionId")))]
        request = permission_request({"toolCall": plain, "options": offered}, call)
        question = asyncio.ensure_future(self._answered(request))
        self._questions.add(question)
        try:
            option_id = await question
            call.is_refused = is_refusal(option_id, request.options)
            return option_id
        except asyncio.CancelledError:
            if not question.cancelled():
                raise
            return None
        except Exception as error:
            self._wire.error = error
            if not self._broken.done():
                self._broken.set_result(None)
            return None
        finally:
            self._questions.discard(question)

    async def _answered(self, request: PermissionRequest) -> str | None:
        return await self._on_permission(request)


def _mcp_kinds(offered: "AgentCapabilities | None") -> frozenset[str]:
    """Every agent must take programs (agentclientprotocol.com, "Session Setup")."""
    takes = offered.mcp_capabilities if offered else None
    named = {"http": takes and takes.http, "sse": takes and takes.sse}
    return frozenset({"stdio", *(kind for kind, is_taken in named.items() if is_taken)})


def _refusal(request_id: Any) -> dict[str, Any]:
    error = {"code": _METHOD_NOT_FOUND, "message": "This client offers no such method"}
    return {"jsonrpc": "2.0", "id": request_id, "error": error}


class _Door:
    """The only request of an agent that is granted a hearing."""

    def __init__(self, ask: Callable[[dict[str, Any], list[dict[str, Any]]], Awaitable[str | None]]) -> None:
        self._ask = ask

    async def request_permission(
        self, session_id: str, tool_call: "ToolCallUpdate", options: "list[PermissionOption]", **meta: Any
    ) -> "RequestPermissionResponse":
        from acp import RequestPermissionResponse
        from acp.schema import AllowedOutcome, DeniedOutcome

        call = tool_call.model_dump(mode="json", by_alias=True, exclude_none=True)
        offered = [option.model_dump(mode="json", by_alias=True, exclude_none=True) for option in options]
        option_id = await self._ask(call, offered)
        if option_id is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=option_id))
