"""Rails' tables of a repository: its `schema.rb` files, and where a project has none the replay of its migrations."""

import re
from collections.abc import Iterator
from posixpath import basename

from tree_sitter import Node

from docs_mgmt.generators.schema.drafts import Readings, SchemaDraft
from docs_mgmt.generators.schema.files import SourceFiles
from docs_mgmt.generators.schema.rails_statements import apply_statement
from docs_mgmt.generators.schema.rails_tables import RailsTables
from docs_mgmt.generators.schema.ruby_calls import RubyCall, calls_in, value_of
from docs_mgmt.generators.schema.sql import SqlBudget, apply_sql
from docs_mgmt.generators.schema.trees import descendants, line_of, parse_tree, text_of

SCHEMA_FILE = re.compile(r"(?:^|/)db/(?:([A-Za-z0-9_]+)_)?schema\.rb$")
MIGRATION_FILE = re.compile(r"(?:^|/)db/(?:([a-z0-9_]+)_)?(?:migrate|migrations)/(?:[^/]+/)?\d+_[\w.]+\.rb$")
VERSION = re.compile(rb"(?:Schema|Migration)\[(\d+)\.(\d+)\]")
AROUND = frozenset({"reversible", "up", "up_only", "safety_assured", "say_with_time", "transaction"})
MAX_BLOCKS = 10  # within each other
SQL_HEREDOC = "heredoc_body"


def read_rails(files: SourceFiles, readings: Readings, budget: SqlBudget, *, confirming: bool = False) -> None:
    """Add the tables of all schemas, and of the migrations of projects without one, or of all where `confirming`."""
    known: set[str] = set()
    for path in files.ending("_structure.sql", "/structure.sql", "schema.rb"):
        found = SCHEMA_FILE.search(path)
        if path.endswith(".sql"):
            known.add(_root(path, basename(path).removesuffix("structure.sql").rstrip("_")))
        elif found:
            known.add(root := _root(path, found[1]))
            _read_schema(files, readings, path, root)
    _read_migrations(files, readings, budget, set() if confirming else known)


def _root(path: str, database: str | None) -> str:
    """The folder of the project, with the name of a database that is not its only one."""
    root = path[: path.rindex("db/")].rstrip("/")
    return f"{root}/{database}".strip("/") if database else root


def _read_schema(files: SourceFiles, readings: Readings, path: str, root: str) -> None:
    content = files.read(path)
    if content is None:
        return
    tree, draft = parse_tree("ruby", content), SchemaDraft()
    tables = RailsTables(draft, path, _id_type(content))
    for block in descendants(tree, "do_block", "block"):
        if text_of(block.parent).startswith("ActiveRecord::Schema"):
            for call in calls_in(block.child_by_field_name("body")):
                apply_statement(tables, call)
    _note_errors(readings, path, tree)
    readings.add("rails-schema", root, path, 1, draft)


def _id_type(content: bytes) -> str:
    """Ids are bigint since Rails 5.1; what names no version is older."""
    found = VERSION.search(content)
    return "bigint" if found and (int(found[1]), int(found[2])) >= (5, 1) else "integer"


def _read_migrations(files: SourceFiles, readings: Readings, budget: SqlBudget, known: set[str]) -> None:
    by_root: dict[str, list[str]] = {}
    for path in files.ending(".rb"):
        found = MIGRATION_FILE.search(path)
        if found and _root(path, None) not in known:
            by_root.setdefault(_root(path, found[1]), []).append(path)
    for root, paths in sorted(by_root.items()):
        draft, ordered = SchemaDraft(), sorted(paths, key=_order)
        for path in ordered:
            content = files.read(path)
            if content is not None:
                _replay(draft, path, content, readings, budget)
        readings.add("rails-migrations", root, ordered[0], len(ordered), draft)


def _order(path: str) -> tuple[int, str]:
    digits = re.match(r"\d+", basename(path))
    return (int(digits[0][:30]) if digits else 0, path)


def _replay(draft: SchemaDraft, path: str, content: bytes, readings: Readings, budget: SqlBudget) -> None:
    tree = parse_tree("ruby", content)
    tables = RailsTables(draft, path, _id_type(content))
    for method in descendants(tree, "method", "singleton_method"):
        if text_of(method.child_by_field_name("name")) in {"change", "up"}:
            for call in _statements(method.child_by_field_name("body")):
                if call.method == "execute":
                    _execute(draft, path, method, readings, budget)
                else:
                    apply_statement(tables, call)
    _note_errors(readings, path, tree)


def _statements(body: Node | None, hops: int = MAX_BLOCKS) -> Iterator[RubyCall]:
    """The calls of a method, those within blocks that only stand around them too; not those that take it back."""
    for call in calls_in(body):
        if call.body is not None and call.method in AROUND and hops:
            yield from _statements(call.body, hops - 1)
        else:
            yield call


def _execute(draft: SchemaDraft, path: str, method: Node, readings: Readings, budget: SqlBudget) -> None:
    """The SQL texts of a method: strings, and texts that stand below."""
    for node in descendants(method, "string", SQL_HEREDOC):
        text = value_of(node) if node.type == "string" else text_of(node)
        if isinstance(text, str):
            apply_sql(draft, text, path, "postgres", readings, budget, line_of(node))


def _note_errors(readings: Readings, path: str, tree: Node) -> None:
    if tree.has_error:
        broken = next(iter(descendants(tree, "ERROR")), None)
        readings.skip(path, None if broken is None else line_of(broken), "a part of it is no Ruby that is understood")
