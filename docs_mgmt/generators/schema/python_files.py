"""The Python files of a repository that may declare tables, parsed once for all that read them."""

import ast
from dataclasses import dataclass, field

from docs_mgmt.generators.schema.drafts import Readings
from docs_mgmt.generators.schema.files import SourceFiles
from docs_mgmt.generators.schema.python_names import PythonProject
from docs_mgmt.generators.schema.python_source import PythonNotParsed, parse_python, read_module

MARKS = (
    b"models",
    b"Model",
    b"sqlalchemy",
    b"sqlmodel",
    b"Column(",
    b"AppConfig",
    b"DEFAULT_AUTO_FIELD",
    b"AUTH_USER_MODEL",
)
MAX_PARSED_BYTES = 48 * 1024**2  # a tree takes tens of times its text while it is read


@dataclass(slots=True)
class PythonFiles:
    """`project` are the files with classes, `migrations` those of Django and Alembic, by path."""

    project: PythonProject = field(default_factory=PythonProject)
    django: dict[str, ast.Module] = field(default_factory=dict)
    alembic: dict[str, ast.Module] = field(default_factory=dict)
    has_django: bool = False
    has_sqlalchemy: bool = False


def read_python(files: SourceFiles, readings: Readings) -> PythonFiles:
    """Parse what mentions models; a file that cannot be parsed is noted and left out."""
    found, left = PythonFiles(), MAX_PARSED_BYTES
    for path in files.ending(".py"):
        content = files.read(path)
        if content is None or not (_is_migration(path, content) or any(mark in content for mark in MARKS)):
            continue
        left -= len(content)
        if left < 0:
            readings.skip(path, None, "the Python files before it are as much as is parsed")
            continue
        try:
            _take(found, path, content)
        except PythonNotParsed as error:
            readings.skip(path, None, str(error))
    return found


def _is_migration(path: str, content: bytes) -> bool:
    return b"down_revision" in content or (b"migrations" in content and "/migrations/" in f"/{path}")


def _take(found: PythonFiles, path: str, content: bytes) -> None:
    tree = parse_python(content)
    if b"down_revision" in content and b"revision" in content and _assigns(tree, "down_revision"):
        found.alembic[path] = tree
    elif "/migrations/" in f"/{path}" and any(_is_migration_class(node) for node in tree.body):
        found.django[path] = tree
    else:
        found.project.add(read_module(path, tree))
        found.has_django |= b"django" in content
        found.has_sqlalchemy |= b"sqlalchemy" in content.lower() or b"sqlmodel" in content


def _assigns(tree: ast.Module, name: str) -> bool:
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _is_migration_class(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef) and node.name == "Migration"
