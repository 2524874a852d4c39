"""The real mermaid in a page: which diagrams it takes, and what a person sees of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.browser import installing
from tests.browser.chromium import Page

# As documents are shown elsewhere: nothing in a diagram may run or link, and mermaid's own limits hold.
SET_UP = 'mermaid.initialize({startOnLoad: false, securityLevel: "strict", suppressErrorRendering: true})'
AT_ONCE = 10
PARSE = """async (texts) => {
  const answers = [];
  for (const text of texts) {
    try { await mermaid.parse(text); answers.push(""); } catch (error) { answers.push(String(error.message || error)); }
  }
  return answers;
}"""
RENDER = """async (texts) => {
  const answers = [];
  for (const [number, text] of texts.entries()) {
    try {
      const { svg } = await mermaid.render("drawn" + number, text);
      const place = document.createElement("div");
      place.innerHTML = svg;
      const shown = (query) => [...place.querySelectorAll(query)].map((each) => each.textContent);
      answers.push({
        error: place.querySelector(".error-icon") ? "drawn as an error" : "",
        nodes: shown("g.node .nodeLabel, g.node .label text"),
        edges: place.querySelectorAll("path.flowchart-link, path.relationshipLine, g.edgePaths > path").length,
        groups: shown("g.cluster .cluster-label .nodeLabel, g.cluster .cluster-label text"),
        foreign: place.querySelectorAll("script, img, iframe, a, [onerror], [onload], [onclick]").length,
      });
    } catch (error) {
      answers.push({ error: String(error.message || error), nodes: [], edges: 0, groups: [], foreign: 0 });
    }
  }
  return answers;
}"""


@dataclass(frozen=True)
class Drawn:
    """What mermaid made of one text: why it refused it, else the labels and the number of lines in the picture.

    `foreign` counts elements that no diagram of ours has: scripts, pictures, links.
    """

    error: str
    nodes: list[str]
    edges: int
    groups: list[str]
    foreign: int


class Mermaid:
    """A page that draws diagrams."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.evaluate(installing.mermaid_script().read_text())
        page.evaluate(SET_UP)

    def errors(self, texts: Sequence[str]) -> list[str]:
        """Why it does not take each, empty where it does."""
        answer: list[str] = self._page.call(PARSE, texts)
        return answer

    def draw(self, texts: Sequence[str]) -> list[Drawn]:
        """The pictures, a few at once: a large one takes a second and more."""
        parts = (texts[first : first + AT_ONCE] for first in range(0, len(texts), AT_ONCE))
        return [Drawn(**each) for part in parts for each in self._page.call(RENDER, part)]
