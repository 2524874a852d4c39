"""Finds an agent's profile: one of the server's own, or one that its operator has added."""

from runs.execution.agents.custom_profile import custom_profile
from runs.execution.agents.profile import AgentProfile
from runs.execution.agents.registry import PROFILES
from runs.execution.errors import RunCannotGoOn
from settings_params.availability import custom_agents


def profile_of(key: str) -> AgentProfile:
    """RunCannotGoOn when the server does not know the agent any more."""
    if key in PROFILES:
        return PROFILES[key]
    agent = custom_agents().get(key)
    if agent is None:
        raise RunCannotGoOn(
            "agent-unknown",
            f"The server has no agent {key} any more: its operator adds it to providers.custom_agents, or the run is "
            "made anew with another one.",
        )
    return custom_profile(agent)
