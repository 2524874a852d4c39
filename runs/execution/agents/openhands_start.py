"""What OpenHands is started by, inside its sandbox, by its own Python: it is read as text and never imported here.

Its own command would read settings and variables from the work tree before anything else. Left out in either mode: the
public skills that it would fetch, and its system prompt among its thoughts. Left out in safe mode, as they run without
asking: the repository's hooks, its skills (whose text may hold commands), and sub-agents, whose every act counts as
allowed with the call that began them.
"""

import asyncio
import functools
import os
import sys
from pathlib import Path
from typing import Any

_SAFE_MODE = "always-ask"


async def _tell_nothing(*_: object) -> None:
    pass


def _start(mode: str) -> None:
    from openhands.sdk.hooks import HookConfig
    from openhands.tools.file_editor import FileEditorTool
    from openhands.tools.task_tracker import TaskTrackerTool
    from openhands_cli.acp_impl.agent import local_agent, run_acp_server
    from openhands_cli.acp_impl.events.shared_event_handler import SharedEventHandler
    from openhands_cli.stores import agent_store

    SharedEventHandler.handle_system_prompt = _tell_nothing
    context = agent_store.AgentContext
    agent_store.AgentContext = lambda **given: context(**{**given, "load_public_skills": False})
    local_agent.load_agent_specs = functools.partial(local_agent.load_agent_specs, env_overrides_enabled=True)
    tools = agent_store.get_default_cli_tools
    shell = agent_store.Tool(name="terminal", params={"terminal_type": "subprocess", "shell_path": "/bin/bash"})
    asking = [shell, agent_store.Tool(name=FileEditorTool.name), agent_store.Tool(name=TaskTrackerTool.name)]
    if mode == _SAFE_MODE:
        agent_store.load_project_skills = lambda _: []
        HookConfig.load = classmethod(lambda kind, **_: kind())

    def chosen(**given: Any) -> list[Any]:
        if mode == _SAFE_MODE:
            return asking
        return [shell, *(tool for tool in tools(**given) if tool.name != shell.name)]

    agent_store.get_default_cli_tools = chosen
    agent_store.get_persisted_conversation_tools = lambda _: None
    os.environ["OPENHANDS_WORK_DIR"] = str(Path.cwd())
    asyncio.run(run_acp_server(mode))


if __name__ == "__main__":
    _start(sys.argv[1])
