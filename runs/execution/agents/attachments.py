"""Files that belong to a prompt, as an agent is given them: in the prompt where it takes that, always by their path."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acp.schema import (
        AudioContentBlock,
        EmbeddedResourceContentBlock,
        ImageContentBlock,
        ResourceContentBlock,
        TextContentBlock,
    )

    Block = (
        TextContentBlock | ImageContentBlock | AudioContentBlock | ResourceContentBlock | EmbeddedResourceContentBlock
    )

MAX_EMBEDDED_BYTES = 64 * 1024
"""Of a text: a longer one would fill the model's context; the agent reads of it what it needs."""
_OPENING = "\n\nAttached files, which you can read at these paths:\n"


@dataclass(frozen=True, slots=True)
class PromptFile:
    """One file; ``path`` is absolute, and where the agent finds it."""

    path: str
    media_type: str
    data: bytes = field(repr=False)


def mention(files: Sequence[PromptFile]) -> str:
    """What is added to the text of a prompt; empty without files."""
    lines = [f"- {file.path} ({file.media_type}, {len(file.data)} bytes)" for file in files]
    return _OPENING + "\n".join(lines) if lines else ""


def prompt_blocks(
    text: str, files: Sequence[PromptFile], *, takes_images: bool, takes_resources: bool
) -> "list[Block]":
    """The content of ``session/prompt`` (agentclientprotocol.com, "Content")."""
    from acp import text_block

    blocks: list[Block] = [text_block(text + mention(files))]
    for file in files:
        if file.media_type.startswith("image/") and takes_images:
            blocks.append(_image(file))
        elif file.media_type == "text/plain" and takes_resources and len(file.data) <= MAX_EMBEDDED_BYTES:
            blocks.append(_resource(file))
    return blocks


def _image(file: PromptFile) -> "ImageContentBlock":
    from acp import image_block

    return image_block(base64.b64encode(file.data).decode("ascii"), file.media_type)


def _resource(file: PromptFile) -> "EmbeddedResourceContentBlock":
    from acp import embedded_text_resource, resource_block

    text = file.data.decode("utf-8", "replace")
    return resource_block(embedded_text_resource(f"file://{file.path}", text, mime_type=file.media_type))
