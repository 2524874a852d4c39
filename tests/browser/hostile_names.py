"""Names that files, tables and addresses may have, and that a diagram stumbles over."""

WORDS = ("end", "default", "class", "style", "graph", "subgraph", "flowchart", "click", "linkStyle", "classDef", "call")
ENTITIES = ("PK", "FK", "uk", "erDiagram", "title", "direction", "TB", "one", "only", "to", "optionally", "u", "o", "x")
MARKS = ('"', "'", "`", "``", "[", "]", "{", "}", "(", ")", "<", ">", "|", "#", ";", ":", "%", "&", "\\", "*", "_", "~")
PUNCTUATION = ("---", "-->", "%%", "%%{init: {}}%%", ":::", "[[]]", "((()))", '"""', "{{{", "||--o{", "...", "$$x$$")
HTML = ("<b>x</b>", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "&amp;", "#quot;", "#35;", "&#60;")
STYLES = ("style.css:#fff;", "classDef a:#fff;", "accTitle: x", "accDescr {x}", "href javascript:x", "fa:fa-car", "@{")
MARKDOWN = ("__init__.py", "**bold**", "1. one", "- two", "# three", "`code`", "_x_", "~~x~~", "[a](b)", "![a](b)")
WRITING = (
    "naïve café",
    "проект",
    "模块",
    "وحدة",
    "\U0001f469\u200d\U0001f467",
    "a\u202eb",
    "e\u0301",
    "ẞ²½",
    "\ud800",
    "\x00",
)
DECODED = ("ﬂ°°60¶ß", "ﬂ°lt¶ß")  # mermaid's own notation of an escape
PATHS = ("a b/c d.py", "C:\\new\\table", "a\nb", "a\r\n b\t", " lead", "/api/<int:pk>/:id/{name}?x=1&y=2", "a" * 300)
BARE = ("", " ", "0", "-")
HOSTILE = (*WORDS, *ENTITIES, *MARKS, *PUNCTUATION, *HTML, *STYLES, *MARKDOWN, *WRITING, *DECODED, *PATHS, *BARE)
