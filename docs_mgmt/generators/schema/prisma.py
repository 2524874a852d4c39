"""Prisma's tables of a repository: a schema is a file with a datasource, with the other files of its folder."""

from posixpath import basename

from docs_mgmt.generators.schema.drafts import Readings, SchemaDraft
from docs_mgmt.generators.schema.files import SourceFiles, folder
from docs_mgmt.generators.schema.prisma_parser import PrismaBlock, parse_prisma
from docs_mgmt.generators.schema.prisma_tables import PrismaSchema, draft_tables

MAX_COMPLAINTS = 20  # of a file


def read_prisma(files: SourceFiles, readings: Readings) -> None:
    """Add the tables of all schemas."""
    blocks = {path: _parse(files, readings, path) for path in files.ending(".prisma")}
    for home, paths in sorted(_schemas(blocks).items()):
        mine = [block for path in paths for block in blocks[path]]
        draft = SchemaDraft()
        draft_tables(PrismaSchema.of(mine), draft)
        readings.add("prisma", _root(home), paths[0], len(paths), draft)


def _parse(files: SourceFiles, readings: Readings, path: str) -> list[PrismaBlock]:
    found, broken = parse_prisma(path, files.text(path) or "")
    for line in broken[:MAX_COMPLAINTS]:
        readings.skip(path, line, "a line is not understood")
    return found


def _schemas(blocks: dict[str, list[PrismaBlock]]) -> dict[str, list[str]]:
    """The files of each schema: a folder is one schema where only one of its files has a datasource."""
    sources = [path for path, found in blocks.items() if any(block.kind == "datasource" for block in found)]
    homes = [folder(path) for path in sources]
    schemas: dict[str, list[str]] = {}
    for path in sources:
        home = folder(path)
        alone = homes.count(home) > 1
        schemas[path if alone else home] = [path] if alone else _beside(blocks, sources, home, path)
    return schemas


def _beside(blocks: dict[str, list[PrismaBlock]], sources: list[str], home: str, path: str) -> list[str]:
    others = [one for one in blocks if one not in sources and (not home or one.startswith(f"{home}/"))]
    return [path, *sorted(others)]


def _root(home: str) -> str:
    """The folder of the project: above `prisma`, and above the folder of a schema of several files."""
    home = folder(home) if home.endswith(".prisma") else home
    while basename(home) in {"schema", "prisma"}:
        home = folder(home)
    return home
