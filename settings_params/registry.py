"""Every server param: its key, type, bounds, default and meaning. A param exists only with the code that reads it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class ParamInvalid(ValueError):
    """A value does not fit its param; `code` names the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Param:
    """One server param. `kind`: bool, int or string. `remote` is False where setting it means code execution."""

    key: str
    kind: type
    default: bool | int | str
    description: str
    remote: bool = True
    minimum: int | None = None
    maximum: int | None = None
    max_length: int = 500
    constraints: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        bounds = {"minimum": self.minimum, "maximum": self.maximum} if self.kind is int else {}
        if self.kind is str:
            bounds = {"maxLength": self.max_length}
        object.__setattr__(self, "constraints", bounds)

    @property
    def group(self) -> str:
        return self.key.partition(".")[0]

    @property
    def environment_name(self) -> str:
        """`safety.auto_git_push` → `QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH`."""
        return "QUARTERDECK_PARAM_" + self.key.replace(".", "_").upper()

    def check(self, value: Any) -> bool | int | str:
        """The value, or ParamInvalid. A bool is not taken for a number."""
        given: type = type(value)
        if given is not self.kind:
            raise ParamInvalid("invalid-type", f"{self.key} takes a {_KIND_NAMES[self.kind]}.")
        if self.kind is int and not (self.minimum is None or self.minimum <= value <= (self.maximum or value)):
            raise ParamInvalid("out-of-range", f"{self.key} takes {self.minimum} to {self.maximum}.")
        if self.kind is str and (len(value) > self.max_length or not value.isprintable()):
            raise ParamInvalid("invalid-text", f"{self.key} takes one line of at most {self.max_length} characters.")
        checked: bool | int | str = value
        return checked

    def parse(self, text: str) -> bool | int | str:
        """The value that a text stands for: JSON for bools and numbers, strings as they are."""
        if self.kind is str:
            return self.check(text)
        try:
            return self.check(json.loads(text))
        except ParamInvalid:
            raise
        except ValueError as error:
            raise ParamInvalid("invalid-type", f"{self.key} takes a {_KIND_NAMES[self.kind]}.") from error


_KIND_NAMES = {bool: "boolean (true or false)", int: "whole number", str: "string"}


def _per_minute(name: str, default: int, description: str) -> Param:
    return Param(f"limits.{name}_per_minute", int, default, description, minimum=1, maximum=1_000_000)


PARAMS: Mapping[str, Param] = {
    param.key: param
    for param in (
        Param("safety.auto_git_push", bool, False, "Leave to push run branches at all. It never starts a push."),
        Param("safety.safe_mode_default", bool, True, "Whether new projects let agents ask before they act."),
        Param(
            "safety.allow_local_repositories",
            bool,
            False,
            "Leave to clone file:// addresses and local paths.",
            remote=False,
        ),
        Param(
            "safety.allow_private_hosts",
            bool,
            False,
            "Leave to reach hosts with private or loopback addresses.",
            remote=False,
        ),
        Param(
            "safety.allow_unsandboxed",
            bool,
            False,
            "Leave to run agents without a sandbox where bubblewrap cannot work: "
            "they can then do all that the server's user can.",
            remote=False,
        ),
        Param(
            "runs.concurrency",
            int,
            2,
            "Runs at once: worker processes. Read when bin/serve starts.",
            minimum=1,
            maximum=64,
        ),
        Param(
            "runs.time_limit_minutes", int, 120, "After this long a run is ended as failed.", minimum=1, maximum=10_080
        ),
        Param(
            "runs.permission_timeout_minutes",
            int,
            60,
            "An unanswered permission request is rejected after this long.",
            minimum=1,
            maximum=10_080,
        ),
        Param("git.author_name", str, "Quarterdeck", "Committer of run commits and snapshots."),
        Param("git.author_email", str, "quarterdeck@localhost", "The committer's address."),
        Param("git.clone_depth", int, 0, "Commits of history to clone; 0 is all of it.", minimum=0, maximum=1_000_000),
        _per_minute("default", 60, "Requests a minute and person, but for those of the other limits."),
        _per_minute("run_start", 6, "Starts and retries of runs, and messages to completed ones, a minute and person."),
        _per_minute("stream_opens", 30, "Event streams opened a minute and person."),
        _per_minute("settings_writes", 20, "Changes of settings a minute and person."),
        _per_minute("logins", 5, "Passwords tried a minute, for each address and for each account."),
        Param(
            "api.error_base_url",
            str,
            "/errors",
            "Where the pages about problems are; their type addresses begin with it.",
        ),
    )
}
