"""The agents that the server knows of, by key: what each needs. How one is started is known to the executor alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from settings_params.packages import Package, npm, pypi

AGENT_KEYS: tuple[str, ...] = ("script", "claude", "codex", "opencode", "qwen", "gemini", "vibe", "openhands")
"""Those that this version can run; the executor's registry has the same keys (a test checks)."""

VENDORS: Mapping[str, str] = {"anthropic": "Anthropic", "openai": "OpenAI", "google": "Google"}
MODELS: Mapping[str, tuple[str, ...]] = {
    "anthropic": (
        "claude-sonnet-5-5",
        "claude-opus-5-5",
        "claude-haiku-5-5",
        "claude-fable-5-1",
        "claude-opus-5",
        "claude-sonnet-5",
        "claude-haiku-4-5",
    ),
    "openai": ("gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-sol", "gpt-6-luna", "gpt-5.5"),
    "google": ("gemini-2.5-pro", "gemini-2.5-flash"),
}
"""The models of each vendor that the pinned agents know, the first one for who chooses none. A vendor's param
`providers.<vendor>.models` replaces its list."""


@dataclass(frozen=True)
class Login:
    """Credentials of an agent's own, in place of a key: the `file` that its program keeps in a person's home, and the
    `hosts` (with ports) that it uses them at."""

    file: str
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Provider:
    """One agent. `kind` is `builtin`, or `acp` for a program of its own that speaks the Agent Client Protocol.

    `binary` is looked for among what the server has installed, then in its PATH; `package` brings it. One of `vendors`
    must have a key, or a model server of the operator's own; their models are the agent's. One that `is_custom` comes
    from `providers.custom_agents`. One with a `login` has the params `providers.<key>.access` and `.login`.
    """

    key: str
    name: str
    kind: str = "acp"
    binary: str = ""
    package: Package | None = None
    vendors: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    is_custom: bool = False
    login: Login | None = None

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
            "claude",
            "Claude Code",
            binary="claude-agent-acp",
            package=npm("@agentclientprotocol/claude-agent-acp", "0.101.0", node=22),
            vendors=("anthropic",),
            login=Login(
                ".claude/.credentials.json",
                ("api.anthropic.com:443", "claude.ai:443", "console.anthropic.com:443", "platform.claude.com:443"),
            ),
        ),
        Provider(
            "codex",
            "Codex",
            binary="codex-acp",
            package=npm("@agentclientprotocol/codex-acp", "2.6.0"),
            vendors=("openai",),
            login=Login(".codex/auth.json", ("chatgpt.com:443", "auth.openai.com:443", "api.openai.com:443")),
        ),
        Provider(
            "opencode",
            "opencode",
            binary="opencode",
            package=npm("opencode-ai", "1.18.33", needs_scripts=True),
            vendors=_ALL,
        ),
        Provider(
            "gemini", "Gemini CLI", binary="gemini", package=npm("@google/gemini-cli", "0.61.0"), vendors=("google",)
        ),
        Provider(
            "qwen", "Qwen Code", binary="qwen", package=npm("@qwen-code/qwen-code", "0.15.10"), vendors=("openai",)
        ),
        Provider(
            "vibe",
            "Mistral Vibe",
            binary="vibe-acp",
            package=pypi("mistral-vibe", "3.0.2", "3.12", "3.13"),
            vendors=("openai",),
        ),
        Provider(
            "openhands",
            "OpenHands",
            binary="openhands",
            package=pypi("openhands", "1.16.0", "3.12"),
            vendors=_ALL,
        ),
    )
}
