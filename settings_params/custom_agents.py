"""Agents that an operator adds by a server param: any program that speaks the Agent Client Protocol. Knows no Django.

What a record says is checked for shape alone; whether its program is there and works shows when it is looked for.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from settings_params.params import Param, ParamInvalid

_KEY = re.compile(r"[a-z][a-z0-9-]{1,39}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True)
class CustomAgent:
    """One added agent.

    `command` is its argv, the program a name or a full path. `vendors` are whose models it may use, none where it
    needs no model of the server's. `safe_mode` is the ACP session mode in which it asks before it acts, empty where it
    has no modes and always asks; `free_mode` the one without safe mode, empty to leave it as it comes. `folders` are
    shown to it besides the system's, to read. `start_seconds` it may take to greet, and as long again for its session.
    In the command and the environment `{base_url}`, `{model}`, `{home}` and
    `{work_tree}` are filled in, `{token}` in the environment alone: other processes of the machine can see arguments.
    """

    key: str
    name: str
    command: tuple[str, ...]
    vendors: tuple[str, ...]
    safe_mode: str
    free_mode: str
    environment: Mapping[str, str] = field(repr=False)
    folders: tuple[str, ...]
    start_seconds: int = 120

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "CustomAgent":
        """From a record as the param's `check` gives it."""
        return cls(
            key=record["key"],
            name=record["name"],
            command=tuple(record["command"]),
            vendors=tuple(record["vendors"]),
            safe_mode=record["safeMode"],
            free_mode=record["freeMode"],
            environment=record["environment"],
            folders=tuple(record["folders"]),
            start_seconds=record["startSeconds"],
        )


@dataclass(frozen=True, kw_only=True)
class CustomAgentsParam(Param):
    """A list of agents; records in the code and a JSON array of objects outside, with every member in it once checked.

    `taken` are keys that other agents have, `vendors` those that may be named.
    """

    type: ClassVar[str] = "list"
    takes: ClassVar[str] = "a list of objects"
    max_items: int = 20
    taken: tuple[str, ...]
    vendors: tuple[str, ...]

    @property
    def constraints(self) -> Mapping[str, Any]:
        return {"maxItems": self.max_items}

    def check(self, value: Any) -> tuple[dict[str, Any], ...]:
        if not isinstance(value, list | tuple) or not all(isinstance(item, dict) for item in value):
            raise self._wrong_type()
        if len(value) > self.max_items:
            raise ParamInvalid("invalid-list", f"{self.key} takes at most {self.max_items} agents.")
        records = tuple(self._record(item) for item in value)
        if len({record["key"] for record in records}) < len(records):
            raise ParamInvalid("invalid-list", f"{self.key} takes each key once.")
        return records

    def _record(self, item: dict[Any, Any]) -> dict[str, Any]:
        given = {**_DEFAULTS, **item}
        for name in given.keys() - _MEMBERS.keys():
            raise self._refused(f"has no member {str(name)[:40]!r}; there are: {', '.join(_MEMBERS)}")
        for name, (is_right, meaning) in _MEMBERS.items():
            if not is_right(given.get(name)):
                raise self._refused(f"takes as {name} {meaning}")
        if given["key"] in self.taken:
            raise self._refused("takes no key of an agent that the server has already")
        if set(given["vendors"]) - set(self.vendors):
            raise self._refused(f"takes as vendors some of: {', '.join(self.vendors)}")
        if "{token}" in "".join(given["command"]):
            raise self._refused("takes {token} in the environment alone: others can see arguments")
        return {name: given[name] for name in _MEMBERS}

    def _refused(self, what: str) -> ParamInvalid:
        return ParamInvalid("invalid-agent", f"{self.key} {what}.")


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and value.isprintable()


def _is_texts(value: Any, most: int, longest: int) -> bool:
    return isinstance(value, list | tuple) and len(value) <= most and all(_is_text(item, longest) for item in value)


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def _is_command(value: Any) -> bool:
    return _is_texts(value, 50, 1000) and bool(value) and ("/" not in value[0] or _is_path(value[0])) and bool(value[0])


def _is_path(value: str) -> bool:
    return value.startswith("/") and value.strip("/") != "" and ".." not in value.split("/")


def _is_folders(value: Any) -> bool:
    return _is_texts(value, 20, 1000) and all(_is_path(item) for item in value)


def _is_environment(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= 50
        and all(isinstance(name, str) and _VARIABLE.fullmatch(name) for name in value)
        and all(_is_text(text, 2000) for text in value.values())
    )


_DEFAULTS: Mapping[str, Any] = {"vendors": [], "freeMode": "", "environment": {}, "folders": [], "startSeconds": 120}
_MEMBERS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "key": (_is_key, "2 to 40 small letters, digits and hyphens, a letter first"),
    "name": (lambda value: _is_text(value, 80) and bool(value), "a text of 1 to 80 characters"),
    "command": (_is_command, "a list of 1 to 50 texts, the first a program's name or full path"),
    "vendors": (lambda value: _is_texts(value, 3, 20), "a list of vendors"),
    "safeMode": (
        lambda value: _is_text(value, 80),
        'the session mode in which it asks before it acts, "" where it has no modes and always asks',
    ),
    "freeMode": (lambda value: _is_text(value, 80), 'the session mode without safe mode, "" for the one it begins in'),
    "environment": (_is_environment, "an object of at most 50 variables with texts of at most 2000 characters"),
    "folders": (_is_folders, "a list of at most 20 full paths"),
    "startSeconds": (
        lambda value: type(value) is int and 0 < value <= 3600,
        "a whole number of seconds from 1 to 3600",
    ),
}
