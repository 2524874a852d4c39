"""An agent of somebody else's, made with the ACP SDK: asks in mode `ask`, writes the prompt into note.txt."""

import asyncio
import os
from pathlib import Path
from typing import Any

from acp import PROTOCOL_VERSION, run_agent, start_tool_call, update_tool_call
from acp.schema import (
    InitializeResponse,
    NewSessionResponse,
    PermissionOption,
    PromptResponse,
    SessionMode,
    SessionModeState,
    SetSessionModeResponse,
    ToolCallUpdate,
)

OPTIONS = [
    PermissionOption(option_id="yes", name="Yes", kind="allow_once"),
    PermissionOption(option_id="no", name="No", kind="reject_once"),
]


class NoteAgent:
    """One session; begins in the mode that never asks."""

    mode = "free"
    cwd = ""

    def on_connect(self, connection: Any) -> None:
        self.connection = connection

    async def initialize(self, protocol_version: int, **_: Any) -> InitializeResponse:
        return InitializeResponse(protocol_version=PROTOCOL_VERSION)

    async def new_session(self, cwd: str, **_: Any) -> NewSessionResponse:
        self.cwd = cwd
        modes = [SessionMode(id="ask", name="Ask"), SessionMode(id="free", name="Free")]
        return NewSessionResponse(
            session_id="s", modes=SessionModeState(current_mode_id=self.mode, available_modes=modes)
        )

    async def set_session_mode(self, mode_id: str, **_: Any) -> SetSessionModeResponse:
        self.mode = mode_id
        return SetSessionModeResponse()

    async def prompt(self, session_id: str, prompt: list[Any], **_: Any) -> PromptResponse:
        is_allowed = self.mode == "free" or await self._is_allowed(session_id)
        await self._tell(session_id, start_tool_call("t", "Write note.txt", kind="edit", status="in_progress"))
        if is_allowed:
            self._write(f"{prompt[0].text}{os.environ.get('ENDING', '')}")
        await self._tell(session_id, update_tool_call("t", status="completed" if is_allowed else "failed"))
        return PromptResponse(stop_reason="end_turn")

    def _write(self, text: str) -> None:
        Path(self.cwd, "note.txt").write_text(text)

    async def _is_allowed(self, session_id: str) -> bool:
        call = ToolCallUpdate(tool_call_id="t", title="Write note.txt", kind="edit")
        answer = await self.connection.request_permission(session_id=session_id, tool_call=call, options=OPTIONS)
        return getattr(answer.outcome, "option_id", "") == "yes"

    async def _tell(self, session_id: str, update: Any) -> None:
        await self.connection.session_update(session_id=session_id, update=update)


if __name__ == "__main__":
    asyncio.run(run_agent(NoteAgent()))  # type: ignore[arg-type] # has only what is needed here
