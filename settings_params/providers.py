"""The agents that the server knows of, by key: what each needs. How one is started is known to the executor alone."""

from collections.abc import Mapping
from dataclasses import dataclass

AGENT_KEYS: tuple[str, ...] = ("script",)
"""Those that this version can run; the executor's registry has the same keys (a test checks)."""

VENDORS: Mapping[str, str] = {"anthropic": "Anthropic", "openai": "OpenAI", "google": "Google"}


@dataclass(frozen=True)
class Provider:
    """One agent. `kind` is `builtin`, or `acp` for a program of its own that speaks the Agent Client Protocol.

    `binary` is looked for in the server's PATH, `package` says what brings it. One of `vendors` must have a key, or
    a model server of the operator's own; their models are the agent's. One that `is_custom` comes from
    `providers.custom_agents`.
    """

    key: str
    name: str
    kind: str = "acp"
    binary: str = ""
    package: str = ""
    vendors: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    is_custom: bool = False

    @property
    def has_adapter(self) -> bool:
        return self.is_custom or self.key in AGENT_KEYS

    @property
    def is_enabled_at_first(self) -> bool:
        """Before an operator has said anything."""
        return self.kind == "builtin"


_ALL = tuple(VENDORS)
PROVIDERS: Mapping[str, Provider] = {
    provider.key: provider
    for provider in (
        Provider("script", "Script", kind="builtin", capabilities=("permissions", "resume")),
        Provider(
            "claude", "Claude Code", "acp", "claude-agent-acp", "npm @agentclientprotocol/claude-agent-acp", _ALL[:1]
        ),
        Provider("codex", "Codex", "acp", "codex-acp", "npm @agentclientprotocol/codex-acp", ("openai",)),
        Provider("opencode", "opencode", "acp", "opencode", "npm opencode-ai", _ALL),
        Provider("gemini", "Gemini CLI", "acp", "gemini", "npm @google/gemini-cli", ("google",)),
        Provider("qwen", "Qwen Code", "acp", "qwen", "npm @qwen-code/qwen-code", ("openai",)),
        Provider("vibe", "Mistral Vibe", "acp", "vibe-acp", "PyPI mistral-vibe", ("openai",)),
        Provider("openhands", "OpenHands", "acp", "openhands", "PyPI openhands", _ALL),
    )
}
