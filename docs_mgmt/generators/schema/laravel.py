"""Laravel's migrations of a repository, replayed in the order of their names."""

import re
from dataclasses import dataclass, field, replace
from posixpath import basename

from tree_sitter import Node

from docs_mgmt.generators.schema.drafts import Readings, SchemaDraft, TableDraft
from docs_mgmt.generators.schema.files import SourceFiles, folder, nearest
from docs_mgmt.generators.schema.laravel_dumps import read_dump, roots_of_dumps
from docs_mgmt.generators.schema.laravel_models import LaravelModels
from docs_mgmt.generators.schema.laravel_tables import LaravelTable
from docs_mgmt.generators.schema.php_calls import Names, PhpCall, chains_in, names_of
from docs_mgmt.generators.schema.sql import SqlBudget, apply_sql
from docs_mgmt.generators.schema.sql_dialects import detect_dialect
from docs_mgmt.generators.schema.trees import descendants, line_of, parse_tree, text_of

MIGRATION_FILE = re.compile(r"/(?:migrations?|Migrations?|updates)/(?:[^/]+/){0,3}[^/]+\.php$")
NOT_PRUNED = 0.5  # of a dump's tables: with fewer, the migrations before the dump are gone
PLAIN_NAMES = ("dropIfExists", "drop", "rename", "dropColumns")


def read_laravel(files: SourceFiles, readings: Readings, budget: SqlBudget) -> None:
    """Add the tables of each application; the migrations of packages count to the one that they lie in."""
    roots = frozenset(folder(path) for path in files.named("artisan"))
    by_root: dict[str, list[tuple[str, bytes]]] = {}
    for path in files.ending(".php"):
        content = files.read(path) if MIGRATION_FILE.search(f"/{path}") else None
        if content is not None and b"Schema::" in content:
            by_root.setdefault(nearest(path, roots) or "", []).append((path, content))
    models = LaravelModels(files)
    for root in sorted(by_root.keys() | roots_of_dumps(files)):
        found = sorted(by_root.get(root, []), key=lambda one: (basename(one[0]), one[0]))
        dump = read_dump(files, readings, budget, root)
        whole = _replayed(SchemaDraft(), found, _Replay("", models, readings, budget))
        if dump is not None:
            later = [one for one in found if basename(one[0]).removesuffix(".php") not in dump.migrations]
            tables = _replayed(dump.draft, later, _Replay("", models, Readings(), budget))
            readings.add("laravel-schema", root, dump.path, 1 + len(later), tables)
        if dump is None or len(whole.tables) >= NOT_PRUNED * len(dump.draft.tables):
            readings.add("laravel-migrations", root, found[0][0] if found else "", len(found), whole)


@dataclass(slots=True)
class _Replay:
    """One file, and what it is applied to."""

    path: str
    models: LaravelModels
    readings: Readings
    budget: SqlBudget
    draft: SchemaDraft = field(default_factory=SchemaDraft)


def _replayed(draft: SchemaDraft, found: list[tuple[str, bytes]], start: _Replay) -> SchemaDraft:
    """The tables after these files, upon those that are there."""
    for path, content in found:
        _replay(replace(start, draft=draft, path=path), content)
    return draft


def _replay(replay: _Replay, content: bytes) -> None:
    tree = parse_tree("php", content)
    names = names_of(tree)
    for method in descendants(tree, "method_declaration"):
        if text_of(method.child_by_field_name("name")) == "up":
            _apply_body(replay, method.child_by_field_name("body"), names)
    if tree.has_error:
        broken = next(iter(descendants(tree, "ERROR")), None)
        line = None if broken is None else line_of(broken)
        replay.readings.skip(replay.path, line, "a part of it is no PHP that is understood")


def _apply_body(replay: _Replay, body: Node | None, names: Names) -> None:
    for chain in chains_in(body, names):
        call = chain.named("create", "table", *PLAIN_NAMES)
        if chain.root == "Schema" and call is not None:
            _apply(replay, call, names)
        elif chain.root == "DB" and (raw := chain.named("statement", "unprepared")) is not None:
            text = raw.text(0) or ""
            dialect = detect_dialect(text)
            apply_sql(replay.draft, text, replay.path, dialect, replay.readings, replay.budget, raw.first_line)


def _apply(replay: _Replay, call: PhpCall, names: Names) -> None:
    """Apply a call of the class Schema."""
    name = call.text(0)
    if name is None:
        replay.readings.skip(replay.path, call.line, f"the name of a table that is {call.name}d is not to be seen")
    elif call.name in {"drop", "dropIfExists"}:
        replay.draft.drop_table(name)
    elif call.name == "rename":
        replay.draft.rename_table(name, call.text(1) or name)
    elif call.name == "dropColumns":
        table = replay.draft.table(name)
        if table is not None:
            LaravelTable(table, replay.path, replay.models).drop_columns(replace(call, arguments=call.arguments[1:]))
    else:
        _apply_blueprint(replay, call, name, names)


def _apply_blueprint(replay: _Replay, call: PhpCall, name: str, names: Names) -> None:
    table = replay.draft.table(name)
    if call.name == "create" and table is None:
        table = TableDraft(name, replay.path, call.line)
        replay.draft.add_table(table)
    if table is None or call.closure is None:
        return
    blueprint = LaravelTable(table, replay.path, replay.models)
    for chain in chains_in(call.closure, names):
        if chain.root == call.parameter and chain.calls[0].name == "rename":
            replay.draft.rename_table(table.name, chain.calls[0].text(0) or table.name)
        elif chain.root == call.parameter:
            blueprint.apply(chain)
