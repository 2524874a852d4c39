"""The Python files of a repository that may declare tables, parsed once for all that read them."""

import ast
import re
from dataclasses import dataclass, field

from docs_mgmt.generators.schema.drafts import Readings
from docs_mgmt.generators.schema.files import SourceFiles, folder
from docs_mgmt.generators.schema.python_names import PythonProject
from docs_mgmt.generators.schema.python_plain import plain_python
from docs_mgmt.generators.schema.python_source import PythonNotParsed, parse_python, read_module

MAX_PARSED_BYTES = 5 * 1024**2  # a tree takes up to eighty times its text while it is read
DECLARES = re.compile(
    rb"\bmodels\.(?:Model\b|\w+Field\(|ForeignKey\()|\bColumn\(|\bmapped_column\(|\bMapped\[|__tablename__|\bTable\("
    rb"|\bDeclarativeBase\b|\bSQLModel\b|\bdeclarative_base\b"
    rb"|^class \w+Field\(|^class \w+\([^)\n]*(?:Field|AppConfig|AbstractUser|\.Model)\b",
    re.MULTILINE,
)
SETS = re.compile(rb"^\s*(?:DEFAULT_AUTO_FIELD|AUTH_USER_MODEL)\b", re.MULTILINE)
CLASS = re.compile(rb"^class\s+(\w+)\s*(?:\[[^\]\n]{0,300}\])?\(([^)]{1,1000})\)", re.MULTILINE)
NAME = re.compile(rb"(\w+)\s*(?:$|[,\[])")


@dataclass(slots=True)
class PythonFiles:
    """`project` are the files with classes; `django` and `alembic` are trees of migrations, by path."""

    project: PythonProject = field(default_factory=PythonProject)
    django: dict[str, ast.Module] = field(default_factory=dict)
    alembic: dict[str, ast.Module] = field(default_factory=dict)
    has_django: bool = False
    has_sqlalchemy: bool = False


@dataclass(slots=True)
class _Survey:
    """What a first look, without parsing, tells: files that declare something, and classes by what they derive from."""

    wanted: set[str] = field(default_factory=set)
    classes: dict[str, list[tuple[str, list[str]]]] = field(default_factory=dict)


def read_python(files: SourceFiles, readings: Readings) -> PythonFiles:
    """Parse what may declare tables; a file that cannot be parsed is noted and left out."""
    found, left = PythonFiles(), MAX_PARSED_BYTES
    for path in sorted(_wanted(files), key=lambda one: (_may_be_migration(one), one)):
        content = files.read(path)
        if content is None:
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


def _wanted(files: SourceFiles) -> set[str]:
    """Files that declare tables, whose classes derive from theirs, and the packages that pass their names on."""
    survey = _Survey()
    for path in files.ending(".py"):
        content = files.read(path)
        if content is not None:
            _look(survey, path, content)
    known = {name for path in survey.wanted for name, _ in survey.classes.get(path, [])}
    waiting = {path: found for path, found in survey.classes.items() if path not in survey.wanted}
    while more := [path for path, found in waiting.items() if any(known.intersection(bases) for _, bases in found)]:
        survey.wanted.update(more)
        for path in more:
            known.update(name for name, _ in waiting.pop(path))
    return survey.wanted | ({f"{folder(path)}/__init__.py" for path in survey.wanted} & set(files.paths))


def _look(survey: _Survey, path: str, content: bytes) -> None:
    if DECLARES.search(content) or SETS.search(content) or _is_migration(path, content):
        survey.wanted.add(path)
    found = [(name.decode(), [base.decode() for base in NAME.findall(bases)]) for name, bases in CLASS.findall(content)]
    if found:
        survey.classes[path] = found


def _may_be_migration(path: str) -> bool:
    """Whether a file is read after the models, which are believed before it."""
    return "/migrations/" in f"/{path}" or "/versions/" in f"/{path}"


def _is_migration(path: str, content: bytes) -> bool:
    return b"down_revision" in content or (b"class Migration" in content and "/migrations/" in f"/{path}")


def _take(found: PythonFiles, path: str, content: bytes) -> None:
    tree = _parse(content)
    if b"down_revision" in content and b"revision" in content and _assigns(tree, "down_revision"):
        found.alembic[path] = tree
    elif "/migrations/" in f"/{path}" and any(_is_migration_class(node) for node in tree.body):
        found.django[path] = tree
    else:
        found.project.add(read_module(path, tree))
        found.has_django |= b"django" in content
        found.has_sqlalchemy |= b"sqlalchemy" in content.lower() or b"sqlmodel" in content


def _parse(content: bytes) -> ast.Module:
    """The tree of a file; of one in newer Python than this one's, without what was added since."""
    try:
        return parse_python(content)
    except PythonNotParsed:
        return parse_python(plain_python(content))


def _assigns(tree: ast.Module, name: str) -> bool:
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _is_migration_class(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef) and node.name == "Migration"
