"""What a file says of itself first: the first sentence of its docstring or leading comment, or a text's title."""

import re
from collections.abc import Iterator

START_BYTES = 8192
MAX_PURPOSE_LENGTH = 200

_HASH_LANGUAGES = (
    "python ruby shell yaml toml make dockerfile perl r elixir terraform nix julia cmake powershell ini nim"
    " prisma graphql"
)
_HASH = frozenset(_HASH_LANGUAGES.split())
_DASH = frozenset(["sql", "lua", "haskell"])
_MARKUP = frozenset(["html", "xml", "svg", "vue", "svelte", "markdown"])
_PLAIN = frozenset(["json", "csv", "diff", "gettext", "notebook", "ignore"])
_TITLED = frozenset(["markdown", "restructuredtext", "asciidoc", "text"])

_LICENCE = re.compile(
    r"copyright|licen[sc]ed? |licen[sc]e[:.,]|spdx-|all rights reserved|permission is hereby|\(c\) ?\d{4}",
    re.IGNORECASE,
)
_DIRECTIVE = re.compile(
    r"^(?:-\*-|vim?:|-{3,}|={3,}|\*{3,}|#{3,}|frozen_string_literal|typed:|encoding:|coding[:=]|eslint|jslint|prettier"
    r"|jshint|noqa|type: ?ignore|pylint|ruff|flake8|mypy|fmt:|isort|rubocop|nolint|clang-|<reference|istanbul|@jsx"
    r"|@format|@ts-|@flow|go:|\+build|region\b)",
    re.IGNORECASE,
)
_PREAMBLE = re.compile(
    r"^(?:<\?php|<!doctype|<\?xml|package |import |from |using |namespace |use |require|include|[\"']use |declare\("
    r"|extern |#\s*(?:include|pragma|ifndef|ifdef|define|if|endif)|\)|\}|@charset|export \* |%|---|\{-)",
    re.IGNORECASE,
)
_STRING = re.compile(r"""^(?:[rRuUbBfF]{0,2})(\"\"\"|'''|"|')""")
_SENTENCE_END = re.compile(r"(?<![A-Z]\.[A-Za-z])(?<!e\.g)(?<!i\.e)(?<!etc)(?<! vs)[.!?](?=\s|$)")
_ABOUT = re.compile(r"^[@\\](?:file|fileoverview|overview|module|brief)\b:?")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>|!\[[^\[\]]{0,200}\]\([^()]{0,300}\)")
_LINK = re.compile(r"\[([^\[\]]{0,200})\]\([^()]{0,300}\)")


def purpose_of(content: bytes, language: str | None) -> str | None:
    """The first sentence, at most MAX_PURPOSE_LENGTH long; licences, shebangs and directives are passed over."""
    text = content[:START_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    if language in _PLAIN or language is None:
        return None
    paragraphs = _title(text) if language in _TITLED else _comments(text, language)
    for paragraph in paragraphs:
        sentence = _sentence(paragraph)
        if sentence is not None:
            return sentence
    return None


def _sentence(paragraph: str) -> str | None:
    plain = " ".join(_LINK.sub(r"\1", _TAG.sub("", paragraph)).split()).strip("*#=-~/<> \t`_")
    end = _SENTENCE_END.search(plain)
    sentence = plain[: end.end() if end else None]
    if sum(letter.isalpha() for letter in sentence) < 3:  # no word
        return None
    if len(sentence) > MAX_PURPOSE_LENGTH:
        sentence = sentence[: MAX_PURPOSE_LENGTH - 1].rpartition(" ")[0].rstrip(" ,;:") + "…"
    return sentence.removesuffix(".")


def _title(text: str) -> Iterator[str]:
    """Headings and paragraphs of a text, without its front matter."""
    if text.startswith("---\n"):
        text = text.partition("\n---")[2].partition("\n")[2]
    for block in re.split(r"\n[ \t]*\n", re.sub(r"<!--.{0,2000}?-->", "", text, flags=re.DOTALL)):
        lines = [line.strip() for line in block.strip().splitlines() if line.strip()]
        lines = [line for line in lines if not re.fullmatch(r"([=\-~^*#\"'`+])\1*", line)]
        if lines and not lines[0].startswith((".. ", ":", "|", "```")):
            is_heading = lines[0].startswith(("#", "= ")) or "\n" in block.strip()
            yield lines[0] if (is_heading and len(lines) == 1) or lines[0].startswith("#") else " ".join(lines)


def _comments(text: str, language: str) -> Iterator[str]:
    """The paragraphs of the comments before the first line of code, and of the docstring. No licence's."""
    for block in _blocks(text.splitlines(), language):
        if not _LICENCE.search("\n".join(block)):
            yield from _paragraphs(block)


def _paragraphs(lines: list[str]) -> Iterator[str]:
    current: list[str] = []
    for line in [*lines, ""]:
        plain = _ABOUT.sub("", line.strip().lstrip("*!/#;-% \t")).strip()
        if plain and not plain.startswith("@") and not _DIRECTIVE.match(line.strip().lstrip("/*# \t")):
            current.append(plain)
        elif current:
            yield " ".join(current)
            current = []


def _blocks(lines: list[str], language: str) -> Iterator[list[str]]:
    marks = _marks(language)
    block: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index].strip()
        closing = _closing(line, language)
        if line.startswith(marks) and closing is None and not _is_include(line, language):
            if block and line.startswith("//!") and not block[-1].startswith("//!"):
                yield block
                block = []
            block.append(line)
            index += 1
            continue
        if block:
            yield block
            block = []
        if closing is not None:
            inside, index = _inside(lines, index, *closing)
            yield inside
        elif line and (language == "python" or not _PREAMBLE.match(line)):
            return
        else:
            index += 1
    if block:
        yield block


def _is_include(line: str, language: str) -> bool:
    return language in {"c", "cpp", "csharp", "objectivec"} and line.startswith("#")


def _marks(language: str) -> tuple[str, ...]:
    if language in _HASH:
        return ("#",)
    if language in _DASH:
        return ("--",)
    return ("//", "#") if language == "php" else ("//",)


def _closing(line: str, language: str) -> tuple[str, str] | None:
    """How a comment of several lines, or a docstring, begins in this line and what ends it; None if none does."""
    if language == "python":
        quote = _STRING.match(line)
        return (quote.group(0), quote.group(1)) if quote else None
    if language in _MARKUP:
        return ("<!--", "-->") if line.startswith("<!--") else None
    if language == "ruby" and line.startswith("=begin"):
        return ("=begin", "=end")
    return ("/*", "*/") if language not in _HASH and line.startswith("/*") else None


def _inside(lines: list[str], index: int, opening: str, closing: str) -> tuple[list[str], int]:
    """What stands between the marks, and the index of the line after."""
    inside: list[str] = []
    line = lines[index].strip()[len(opening) :]
    while closing not in line:
        inside.append(line)
        index += 1
        if index == len(lines):
            return inside, index
        line = lines[index]
    inside.append(line.partition(closing)[0])
    return inside, index + 1
