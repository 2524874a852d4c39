"""Who made a commit, and when; refuses nothing, but keeps what would break a commit header out of it."""

import re
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Identity:
    """A person as Git records one. Characters that a commit header cannot hold are left out."""

    name: str
    email: str

    def as_variables(self, role: str, at: datetime) -> dict[str, str]:
        """`role` is AUTHOR or COMMITTER; `at` must know its time zone."""
        if at.tzinfo is None:
            raise ValueError("the time of a commit needs a time zone")
        return {
            f"GIT_{role}_NAME": _clean(self.name) or "unknown",
            f"GIT_{role}_EMAIL": _clean(self.email) or "unknown@invalid",
            f"GIT_{role}_DATE": f"@{int(at.timestamp())} {at.strftime('%z')[:5]}",
        }


def _clean(text: str) -> str:
    """Git drops such characters at the ends only; a name of nothing else would make it fail."""
    return re.sub(r"[<>\x00-\x1f\x7f]", "", text).encode("utf-8", "replace").decode().strip(" .,:;\"'\\")
