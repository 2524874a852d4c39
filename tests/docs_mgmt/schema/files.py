"""Repositories of a few files in memory, and what is read from them."""

from collections.abc import Mapping, Sequence
from textwrap import dedent

from docs_mgmt.generators.schema.extracting import extract_schema
from docs_mgmt.generators.schema.shapes import Column, DatabaseSchema, Table


class Files:
    """The files of a commit, by path."""

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self.files = {path: dedent(text).encode() if isinstance(text, str) else text for path, text in files.items()}

    def paths(self) -> Sequence[str]:
        return sorted(self.files)

    def read(self, path: str) -> bytes | None:
        return self.files[path]


def schema_of(files: Mapping[str, str | bytes]) -> DatabaseSchema:
    return extract_schema(Files(files))


def table(schema: DatabaseSchema, name: str) -> Table:
    return next(one for one in schema.tables if one.name == name)


def columns(schema: DatabaseSchema, name: str) -> list[str]:
    return [one.name for one in table(schema, name).columns]


def column(schema: DatabaseSchema, name: str, of: str) -> Column:
    return next(one for one in table(schema, of).columns if one.name == name)
