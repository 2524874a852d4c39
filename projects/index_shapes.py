"""The shapes of what is read from the code index."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from config.api.serializers import ShapeSerializer
from projects.code_index import FoundText
from projects.indexing.reading import IndexReader
from projects.indexing.shapes import Import, IndexedFile, Symbol

SHOWN_USERS, SHOWN_EXAMPLES = 100, 10


class SymbolSerializer(ShapeSerializer):
    """A definition in a file."""

    name = serializers.CharField()
    kind = serializers.CharField()
    start_line = serializers.IntegerField()
    end_line = serializers.IntegerField()
    parent = serializers.CharField(allow_null=True)  # type: ignore[assignment] # no field of the class by then


class ImportSerializer(ShapeSerializer):
    """What a file takes from elsewhere, as it is written there."""

    module = serializers.CharField()
    names = serializers.ListField(child=serializers.CharField())
    line = serializers.IntegerField()


class MapRowSerializer(ShapeSerializer):
    """A file of the project."""

    path = serializers.CharField()
    language = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(["source", "test", "config", "migration", "docs", "asset", "generated"])
    size_bytes = serializers.IntegerField()
    lines = serializers.IntegerField()
    symbols = SymbolSerializer(many=True)
    imports = ImportSerializer(many=True)
    used_by = serializers.ListField(
        child=serializers.CharField(), help_text="Files of the project that import it, the first 100."
    )
    purpose = serializers.CharField(allow_null=True, help_text="From its docstring or first comment.")
    page_rank = serializers.FloatField(help_text="How much others lean on it; 1 over all files together.")
    last_changed_at = serializers.DateTimeField(allow_null=True)


class SkippedSerializer(ShapeSerializer):
    """Files that were left out of the index for one reason."""

    reason = serializers.CharField()
    files = serializers.IntegerField()
    examples = serializers.ListField(child=serializers.CharField())


class ChunkSerializer(ShapeSerializer):
    """A passage of a file; lines count from 1, both included."""

    start_line = serializers.IntegerField()
    end_line = serializers.IntegerField()
    snippet = serializers.CharField()
    symbol = serializers.CharField(allow_null=True)


class SearchRowSerializer(ShapeSerializer):
    """A file that was found."""

    path = serializers.CharField()
    language = serializers.CharField(allow_null=True)
    kind = serializers.CharField()
    score = serializers.FloatField(help_text="At most 1, that of the best file.")
    why = serializers.CharField()
    chunks = ChunkSerializer(many=True)


def index_meta(index: IndexReader) -> dict[str, Any]:
    """What the pages of an index say of it: its commit, and what was left out for which reasons."""
    skipped = index.skipped_by_reason(examples=SHOWN_EXAMPLES)
    return {
        "commit": index.commit,
        "skipped": [{"reason": reason, "files": files, "examples": some} for reason, files, some in skipped],
    }


def map_rows(index: IndexReader, files: Sequence[IndexedFile]) -> list[dict[str, Any]]:
    """Files as the map shows them."""
    paths = [file.path for file in files]
    symbols, imports = index.symbols(paths), index.imports(paths)
    used_by = index.used_by(paths, limit=SHOWN_USERS)
    return [
        {
            "path": file.path,
            "language": file.language,
            "kind": file.kind,
            "size_bytes": file.size_bytes,
            "lines": file.lines,
            "symbols": [_fields(each) for each in symbols[file.path]],
            "imports": [_fields(each) for each in imports[file.path]],
            "used_by": used_by[file.path],
            "purpose": file.purpose,
            "page_rank": file.page_rank,
            "last_changed_at": file.last_changed_at,
        }
        for file in files
    ]


def search_row(found: FoundText) -> dict[str, Any]:
    """A file as a search shows it."""
    chunks = [
        {
            "start_line": each.chunk.start_line,
            "end_line": each.chunk.end_line,
            "snippet": each.snippet,
            "symbol": each.chunk.symbol,
        }
        for each in found.passages
    ]
    file = found.file
    return {
        "path": file.path,
        "language": file.language,
        "kind": file.kind,
        "score": round(file.score, 4),
        "why": found.why,
        "chunks": chunks,
    }


def _fields(each: Symbol | Import) -> dict[str, Any]:
    return {name: getattr(each, name) for name in each.__slots__}
