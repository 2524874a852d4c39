"""TypeORM's tables of a repository: its entities, and the replay of its migrations."""

import re
from posixpath import basename

from tree_sitter import Node

from docs_mgmt.generators.schema.drafts import Readings, SchemaDraft
from docs_mgmt.generators.schema.files import SourceFiles, folder, nearest
from docs_mgmt.generators.schema.sql import SqlBudget, apply_sql
from docs_mgmt.generators.schema.sql_dialects import detect_dialect, dialect_of_path
from docs_mgmt.generators.schema.trees import descendants, line_of, parse_tree, text_of
from docs_mgmt.generators.schema.typeorm_entities import Entities, draft_entities
from docs_mgmt.generators.schema.typeorm_operations import apply_operation
from docs_mgmt.generators.schema.typescript_classes import classes_in, value_of

DIGITS = re.compile(r"\d{10,17}|^\d+")


def read_typeorm(files: SourceFiles, readings: Readings, budget: SqlBudget) -> None:
    """Add what entities and migrations tell, a database for each `package.json`."""
    roots = frozenset(folder(path) for path in files.named("package.json"))
    projects: dict[str, Entities] = {}
    migrations: dict[tuple[str, str], list[tuple[str, bytes]]] = {}
    for path in files.ending(".ts"):
        content = files.read(path)
        if content is None or b"typeorm" not in content.lower():
            continue
        root = nearest(path, roots) or ""
        if b"MigrationInterface" in content:
            migrations.setdefault((root, dialect_of_path(path) or ""), []).append((path, content))
            continue
        entities = projects.setdefault(root, Entities())
        entities.is_snake |= b"SnakeNamingStrategy" in content
        for one in classes_in(path, parse_tree("typescript", content)):
            entities.classes.setdefault(one.name, one)
    for root, entities in sorted(projects.items()):
        draft = SchemaDraft()
        draft_entities(entities, draft)
        paths = sorted({table.path for table in draft.tables.values()})
        readings.add("typeorm", root, paths[0] if paths else "", len(paths), draft)
    for (root, dialect), found in sorted(migrations.items()):
        _replay(readings, budget, root, dialect, sorted(found, key=lambda one: _order(one[0])))


def _order(path: str) -> tuple[int, str]:
    digits = DIGITS.search(basename(path))
    return (int(digits[0]) if digits else 0, path)


def _replay(readings: Readings, budget: SqlBudget, root: str, dialect: str, found: list[tuple[str, bytes]]) -> None:
    draft = SchemaDraft()
    for path, content in found:
        for method in descendants(parse_tree("typescript", content), "method_definition"):
            if text_of(method.child_by_field_name("name")) == "up":
                _apply(draft, path, method, dialect, readings, budget)
    readings.add("typeorm-migrations", root, found[0][0], len(found), draft)


def _apply(draft: SchemaDraft, path: str, method: Node, dialect: str, readings: Readings, budget: SqlBudget) -> None:
    for call in descendants(method, "call_expression"):
        name = text_of(call.child_by_field_name("function")).rpartition(".")[2]
        arguments = call.child_by_field_name("arguments")
        nodes = [] if arguments is None else arguments.named_children
        if name == "query" and nodes:
            text = value_of(nodes[0])
            if isinstance(text, str):
                apply_sql(draft, text, path, dialect or detect_dialect(text), readings, budget, line_of(nodes[0]))
        else:
            apply_operation(draft, name, nodes, path)
