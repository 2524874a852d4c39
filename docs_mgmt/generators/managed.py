"""The managed documents: which there are, where they lie, and how each begins where a repository has none."""

import hashlib
from dataclasses import dataclass

from docs_mgmt.generators.blocks import block_text, rewrite

GENERATOR_VERSION = 1
"""Counted up whenever the same files give other texts: documents of older versions are made anew."""


@dataclass(frozen=True)
class ManagedDoc:
    """A document that the server looks after: its name in the API, its title, its path in the repository.

    `about` is what a new one says of its subject. `is_generated`: its auto-block follows from the code; its name is the
    document's.
    """

    slug: str
    title: str
    path: str
    about: str
    is_generated: bool = True


PROJECT_MAP = ManagedDoc(
    "project-map", "Project map", "docs/PROJECT_MAP.md", "What lies where in this project, folder by folder."
)
DATABASE_SCHEMA = ManagedDoc(
    "database-schema",
    "Database schema",
    "docs/DATABASE_SCHEMA.md",
    "The tables that the code of this project declares, and how they refer to each other.",
)
ARCHITECTURE_DIAGRAMS = ManagedDoc(
    "architecture-diagrams",
    "Architecture diagrams",
    "docs/ARCHITECTURE_DIAGRAMS.md",
    "How the parts of this project hang together.",
)
CHANGELOG_AI = ManagedDoc(
    "changelog-ai", "Changelog of the agents", "CHANGELOG_AI.md", "What agents have changed.", is_generated=False
)
MANAGED = {doc.slug: doc for doc in (PROJECT_MAP, DATABASE_SCHEMA, ARCHITECTURE_DIAGRAMS, CHANGELOG_AI)}
GENERATED = tuple(doc for doc in MANAGED.values() if doc.is_generated)
MANAGED_PATHS = frozenset(doc.path for doc in MANAGED.values())
_YOURS = (
    "Between the two marker lines Quarterdeck writes, and writes anew whenever the code has changed. "
    "Everything outside of them is yours and stays as it is."
)


def write_document(doc: ManagedDoc, present: bytes | None, text: str) -> bytes:
    """The document with the new text in its auto-block; where there is none, a new one.

    Raises BlocksRefused where the one that is there must be left alone.
    """
    if present is None:
        return f"# {doc.title}\n\n{doc.about} {_YOURS}\n\n{block_text(doc.slug, text)}".encode()
    return rewrite(present, {doc.slug: text})


def blob_id(content: bytes) -> str:
    """The id that git has for a file of this content."""
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
