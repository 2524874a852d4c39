"""A request for permission in this server's words, made from ACP's; decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .payload import list_of, text_of
from .tool_calls import ToolCall, content_text

OPTION_KINDS = ("allow_once", "allow_always", "reject_once", "reject_always")


@dataclass(frozen=True, slots=True)
class PermissionOption:
    """One answer that may be given. Choose by ``kind`` (OPTION_KINDS), answer by ``option_id``."""

    option_id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class PermissionRequest:
    """What the agent asks leave for. ``text`` is what it says about it, such as the whole question."""

    tool_call_id: str
    kind: str
    title: str
    command: str | None
    cwd: str | None
    paths: tuple[str, ...]
    text: str
    options: tuple[PermissionOption, ...]


def permission_request(params: Mapping[str, Any], call: ToolCall) -> PermissionRequest:
    """From the params of ``session/request_permission`` and what is known of its tool call."""
    return PermissionRequest(
        tool_call_id=call.tool_call_id,
        kind="execute" if call.is_command else call.kind or "other",
        title=call.title or call.command or "Permission",
        command=call.command if call.is_command else None,
        cwd=call.cwd,
        paths=call.paths,
        text=content_text(params.get("toolCall") or {}) or call.text,
        options=tuple(_options(params)),
    )


def is_refusal(option_id: str | None, options: tuple[PermissionOption, ...]) -> bool:
    """Whether the answer refuses; none at all (the turn was cancelled, nobody could be asked) does not count."""
    return any(option.option_id == option_id and option.kind.startswith("reject") for option in options)


def _options(params: Mapping[str, Any]) -> list[PermissionOption]:
    options = []
    for option in list_of(params, "options"):
        option_id, kind = text_of(option, "optionId"), text_of(option, "kind")
        if option_id is not None and kind in OPTION_KINDS:
            options.append(PermissionOption(option_id, text_of(option, "name") or kind, kind))
    return options
