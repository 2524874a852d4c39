"""Builds specs for tests that start a sandbox from the test process itself."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runs.execution.sandbox.spec import SandboxSpec

PYTHON = os.path.realpath(sys.executable)


@dataclass(frozen=True)
class Maker:
    work_tree: Path
    home: Path
    environment: dict[str, str]
    interpreter: tuple[Path, ...]

    def __call__(self, *command: str, **members: Any) -> SandboxSpec:
        chosen = {"environment": self.environment, "read_only": self.interpreter} | members
        return SandboxSpec(self.work_tree, self.home, command, **chosen)

    def shell(self, script: str, **members: Any) -> SandboxSpec:
        return self("/bin/sh", "-c", script, **members)

    def python(self, program: str, **members: Any) -> SandboxSpec:
        return self(PYTHON, "-I", "-c", program, **members)
