"""From a repository's files to the texts of its documents, one after another: what a later one needs is kept.

Parsers are loaded where they are used: only the process that reads a repository's code has them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docs_mgmt.generators.laid_out import INDEXED, LaidOutSources
from docs_mgmt.generators.managed import ARCHITECTURE_DIAGRAMS, DATABASE_SCHEMA
from projects.indexing.shapes import FileLink, IndexedFile, Sources

if TYPE_CHECKING:
    from docs_mgmt.generators.schema.shapes import DatabaseSchema


@dataclass
class Findings:
    """The files' content, what the index says of them, and the schema once it has been read."""

    sources: Sources
    files: Sequence[IndexedFile]
    links: Sequence[FileLink]
    schema: "DatabaseSchema | None" = None


def read_findings(folder: Path) -> Findings:
    """What was laid out in a folder."""
    indexed = json.loads((folder / INDEXED).read_bytes())
    files = [IndexedFile(**file) for file in indexed["files"]]
    return Findings(LaidOutSources(folder), files, [FileLink(**link) for link in indexed["links"]])


def _schema(findings: Findings) -> dict[str, Any]:
    from docs_mgmt.generators.schema.extracting import extract_schema
    from docs_mgmt.generators.schema.rendering import render_schema

    findings.schema = extract_schema(findings.sources)
    return {"text": render_schema(findings.schema), "facts": asdict(findings.schema)}


def _diagrams(findings: Findings) -> dict[str, Any]:
    """Without tables where they could not be read."""
    from docs_mgmt.generators.diagrams.document import render_diagrams
    from docs_mgmt.generators.routes.finding import find_routes
    from docs_mgmt.generators.schema.shapes import DatabaseSchema

    schema = findings.schema or DatabaseSchema((), (), (), (), ())
    return {"text": render_diagrams(findings.files, findings.links, schema, find_routes(findings.sources))}


STAGES: Mapping[str, Callable[[Findings], Mapping[str, Any]]] = {
    DATABASE_SCHEMA.slug: _schema,
    ARCHITECTURE_DIAGRAMS.slug: _diagrams,
}
"""Of each document that is made of the files' text how it is made: `text`, and `facts` where it has them."""
