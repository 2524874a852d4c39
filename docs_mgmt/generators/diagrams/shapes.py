"""What a diagram is to those that show it. Values only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagram:
    """A picture that stands alone.

    `kind` is modules, entities or routes. `mermaid` is the source, without a fence, and ends with a newline. `notes`
    are sentences for under the picture: what was left out, which cycles there are; names of the project in them are
    Markdown code.
    """

    kind: str
    title: str
    mermaid: str
    notes: tuple[str, ...] = ()
