"""The agents that this server can run, by key."""

from collections.abc import Mapping
from types import MappingProxyType

from .claude_profile import CLAUDE
from .codex_profile import CODEX
from .gemini_profile import GEMINI
from .opencode_profile import OPENCODE
from .openhands_profile import OPENHANDS
from .profile import AgentProfile
from .qwen_profile import QWEN
from .script_profile import SCRIPT
from .vibe_profile import VIBE

_ALL = (SCRIPT, CLAUDE, CODEX, OPENCODE, QWEN, GEMINI, VIBE, OPENHANDS)
PROFILES: Mapping[str, AgentProfile] = MappingProxyType({profile.key: profile for profile in _ALL})
