"""The profile of an agent that an operator has added: what its record says, and the usual variables for its model."""

import re
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from settings_params.custom_agents import CustomAgent

from .profile import AgentProfile, ModelAccess, OutputStyle, Setting

_PLACE = re.compile(r"\{(base_url|token|model|home|work_tree)\}")


def custom_profile(agent: CustomAgent) -> AgentProfile:
    """One agent of `providers.custom_agents`, which speaks ACP and no dialect of its own."""
    return AgentProfile(
        key=agent.key,
        name=agent.name,
        command=partial(_command, agent),
        read_only=partial(_read_only, agent),
        safe_mode=agent.safe_mode or None,
        free_mode=agent.free_mode or None,
        is_resumable=True,
        needs_login=False,
        needs_network=False,
        output_style=OutputStyle.MERGED_AT_END,
        environment=partial(_environment, agent),
        initialize_timeout_seconds=agent.start_seconds,
        session_timeout_seconds=agent.start_seconds,
        asks_for_mcp=True,  # as its operator says of its safe mode
    )


def model_variables(access: ModelAccess) -> Mapping[str, str]:
    """The variables by which programs of a vendor's own libraries find their model."""
    address, model = f"{access.base_url}/{access.vendor}", access.model
    return {
        "anthropic": {"ANTHROPIC_BASE_URL": address, "ANTHROPIC_API_KEY": access.token, "ANTHROPIC_MODEL": model},
        "openai": {"OPENAI_BASE_URL": f"{address}/v1", "OPENAI_API_KEY": access.token, "OPENAI_MODEL": model},
        "google": {"GOOGLE_GEMINI_BASE_URL": address, "GEMINI_API_KEY": access.token, "GEMINI_MODEL": model},
    }[access.vendor]


def _command(agent: CustomAgent, setting: Setting) -> tuple[str, ...]:
    program, *arguments = agent.command
    return (_program(program), *(_filled(word, setting) for word in arguments))


def _program(name: str) -> str:
    """Where the server's PATH has it: the sandbox has a PATH of its own."""
    return shutil.which(name) or name


def _read_only(agent: CustomAgent, _: Setting) -> tuple[Path, ...]:
    """The folders, and the program itself where it lies in none of them: bubblewrap cannot mount onto a link in one."""
    program, folders = Path(_program(agent.command[0])), tuple(map(Path, agent.folders))
    is_seen = any(program.is_relative_to(folder) for folder in (*folders, Path("/usr"), Path("/bin")))
    return folders if is_seen or not program.exists() else (program, *folders)


def _environment(agent: CustomAgent, setting: Setting) -> Mapping[str, str]:
    own = {name: _filled(text, setting) for name, text in agent.environment.items()}
    return {**(model_variables(setting.access) if setting.access else {}), **own}


def _filled(text: str, setting: Setting) -> str:
    access = setting.access
    values = {
        "base_url": f"{access.base_url}/{access.vendor}" if access else "",
        "token": access.token if access else "",
        "model": access.model if access else "",
        "home": str(setting.home),
        "work_tree": str(setting.work_tree),
    }
    return _PLACE.sub(lambda place: values[place[1]], text)
