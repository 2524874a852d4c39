"""Everything that follows from one file's bytes: chunks, symbols, imports, references and purpose.

Pure: the same bytes under the same path kind give the same analysis, on any machine. Run it in a process of its own
(parser_pool.py): a hostile file can make a grammar slow or let it die.
"""

from dataclasses import replace

from tree_sitter import Node

from projects.indexing.chunking import TooBroken, cut, line_starts, name_chunks, node_rows, text_rows
from projects.indexing.grammars import Grammar, grammar_of, matches, parse
from projects.indexing.imports import read_imports
from projects.indexing.kinds import looks_generated
from projects.indexing.languages import TSX, language_of, path_kind
from projects.indexing.purposes import purpose_of
from projects.indexing.references import read_references
from projects.indexing.shapes import FileAnalysis
from projects.indexing.symbols import SCOPE, read_symbols

EXTRACTOR_VERSION = 4
"""Higher with every change of what is found in the same bytes: cached analyses of another version are not used."""


def analyse(path: str, content: bytes) -> FileAnalysis:
    """What is known of a file by its name and bytes."""
    return analyse_as(path_kind(path), content)


def analyse_as(kind: str, content: bytes) -> FileAnalysis:
    """As `analyse`, for any path of this kind (languages.path_kind)."""
    language = language_of(kind, content)
    grammar = grammar_of(TSX if kind == TSX else language)
    if grammar is None or language is None:
        return _plain(content, language)
    try:
        return _parsed(content, language, grammar)
    except TooBroken:
        return replace(_plain(content, language), is_cut_short=True)


def _plain(content: bytes, language: str | None) -> FileAnalysis:
    starts = line_starts(content)
    passages = cut(starts, text_rows(content, language, starts))
    return FileAnalysis(
        language=language,
        lines=len(starts) - 1,
        purpose=purpose_of(content, language),
        chunks=name_chunks(passages, ()),
        symbols=(),
        imports=(),
        references=(),
        is_generated=looks_generated(content),
    )


def _parsed(content: bytes, language: str, grammar: Grammar) -> FileAnalysis:
    root = parse(grammar, content)
    rows = node_rows(root)
    found = matches(grammar, root)
    symbols, some_symbols = read_symbols(found)
    imports, some_imports = read_imports(_captured(found, "import"), language)
    references, some_references = read_references(content, _captured(found, "text"), language, grammar.keywords)
    starts = line_starts(content)
    return FileAnalysis(
        language=language,
        lines=len(starts) - 1,
        purpose=purpose_of(content, language),
        chunks=name_chunks(cut(starts, rows), symbols),
        symbols=tuple(symbol for symbol in symbols if symbol.kind != SCOPE),
        imports=tuple(imports),
        references=references,
        is_generated=looks_generated(content),
        is_cut_short=some_symbols or some_imports or some_references,
    )


def _captured(found: list[tuple[int, dict[str, list[Node]]]], capture: str) -> list[Node]:
    return [node for _, captures in found for node in captures.get(capture, ())]
