"""The agents that this server can run, by key."""

from collections.abc import Mapping
from types import MappingProxyType

from .opencode_profile import OPENCODE
from .profile import AgentProfile
from .script_profile import SCRIPT

PROFILES: Mapping[str, AgentProfile] = MappingProxyType({profile.key: profile for profile in (SCRIPT, OPENCODE)})
