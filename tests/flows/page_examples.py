"""The programs of docs/stream-clients.md, as they stand there: what its readers copy is what the tests run."""

import re

from tests.serving import ROOT

PAGE = ROOT / "docs/stream-clients.md"


def example(language: str) -> str:
    """The page's only fenced block of that language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return str(found)
