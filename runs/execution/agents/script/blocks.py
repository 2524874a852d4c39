"""What a script prompt consists of: one frozen step for each acting block and each said text."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Say:
    """Text outside the acting blocks, said as an agent message. ``line`` counts from 1, in the prompt."""

    word: ClassVar[str] = ""
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Shell:
    """Run ``script`` with ``/bin/sh -eu`` in the work tree's root."""

    word: ClassVar[str] = "sh"
    line: int
    script: str
    timeout_seconds: float | None = None
    is_failure_allowed: bool = False


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write ``content`` to ``path``, making its parents."""

    word: ClassVar[str] = "file"
    line: int
    path: str
    content: str


@dataclass(frozen=True, slots=True)
class AppendFile:
    """Append ``content`` to ``path``, making it and its parents when missing."""

    word: ClassVar[str] = "append"
    line: int
    path: str
    content: str


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """Remove the file or symbolic link ``path``."""

    word: ClassVar[str] = "delete"
    line: int
    path: str


@dataclass(frozen=True, slots=True)
class ApplyPatch:
    """Apply a unified diff, all of it or nothing."""

    word: ClassVar[str] = "patch"
    line: int
    diff: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask leave; go on only if it is given."""

    word: ClassVar[str] = "ask"
    line: int
    question: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan whose entries complete as the blocks after it do."""

    word: ClassVar[str] = "plan"
    line: int
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait."""

    word: ClassVar[str] = "sleep"
    line: int
    seconds: float


Step = Say | Shell | WriteFile | AppendFile | DeleteFile | ApplyPatch | Ask | Plan | Sleep
