"""The prompts of a check: for the scripted model behind an agent, or for the built-in agent, which is its own model."""

from dataclasses import dataclass

GREETING = "Please follow the steps below, one after another."


@dataclass(frozen=True, slots=True)
class Prompts:
    """How steps are worded. ``is_for_model``: as the scripted model reads them (runs/execution/model_server)."""

    is_for_model: bool

    def write(self, path: str, text: str) -> str:
        """Write a file of one line."""
        return self._worded(f"@@write {path}|{text}", f"```file {path}\n{text}\n```")

    def run(self, command: str) -> str:
        """Run a command."""
        return self._worded(f"@@sh {command}", f"```sh\n{command}\n```")

    def _worded(self, for_model: str, for_built_in: str) -> str:
        return f"{GREETING}\n\n{for_model if self.is_for_model else for_built_in}\n"
