"""Many refs at once: changed all or none (hold the repository lock), looked at by age and by what they hold."""

import time
from collections.abc import Iterable, Mapping, Sequence

from projects.git.repository import Repository


def delete_refs(repository: Repository, refs: Iterable[str]) -> None:
    """Deletes all of them, or none."""
    _change(repository, [f"delete {ref}\n" for ref in refs])


def set_refs(repository: Repository, commits: Mapping[str, str]) -> None:
    """Sets all of them (ref → commit), or none."""
    _change(repository, [f"update {ref} {commit}\n" for ref, commit in commits.items()])


def _change(repository: Repository, lines: list[str]) -> None:
    """git-update-ref(1), --stdin."""
    if lines:
        text = "".join(lines).encode("utf-8", "surrogateescape")
        repository.run(["update-ref", "--no-deref", "--stdin"], standard_input=text, timeout_seconds=600)


def refs_older_than(repository: Repository, prefix: str, seconds: float) -> list[str]:
    """Refs under the prefix whose commits were made so long ago."""
    said = repository.run(["for-each-ref", "--format=%(committerdate:unix) %(refname)", prefix])
    dated = (line.split(" ", 1) for line in said.decode("utf-8", "surrogateescape").split("\n") if line)
    return [ref for at, ref in dated if at and int(at) < time.time() - seconds]


def bytes_held_by(repository: Repository, commits: Sequence[str], *, but_for: str) -> int:
    """What the commits take on disk beyond what other refs than those of `but_for`, a pattern, lead to."""
    args = ["rev-list", "--objects-edge-aggressive", "--disk-usage", f"--exclude={but_for}", "--not", "--all", "--not"]
    told = "".join(f"{commit}\n" for commit in commits).encode()
    *_, size = repository.run([*args, "--stdin"], standard_input=told, timeout_seconds=600).split()  # edges before it
    return int(size)
