"""How far two readings of one database agree: columns found by both, of those that either finds."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from docs_mgmt.generators.schema.column_types import differ
from docs_mgmt.generators.schema.drafts import SchemaDraft
from docs_mgmt.generators.schema.shapes import Column

ColumnKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Counts of columns: of the first reading, of the second, of both; and of those the ones that agree further."""

    first: int
    second: int
    both: int
    same_type: int
    same_nullable: int
    only_first: tuple[ColumnKey, ...]
    only_second: tuple[ColumnKey, ...]

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall of the columns, by table and name; 1 for two empty readings."""
        total = self.first + self.second
        return 2 * self.both / total if total else 1.0


def compare(first: SchemaDraft, second: SchemaDraft, ignored: Collection[str] = ()) -> Agreement:
    """Compare two readings column by column; tables named in `ignored` count in neither."""
    mine, theirs = _columns(first, ignored), _columns(second, ignored)
    both = [key for key in mine if key in theirs]
    return Agreement(
        first=len(mine),
        second=len(theirs),
        both=len(both),
        same_type=sum(not differ(mine[key].type, theirs[key].type) for key in both),
        same_nullable=sum(mine[key].nullable == theirs[key].nullable for key in both),
        only_first=tuple(key for key in mine if key not in theirs),
        only_second=tuple(key for key in theirs if key not in mine),
    )


def _columns(draft: SchemaDraft, ignored: Collection[str]) -> Mapping[ColumnKey, Column]:
    return {
        (table, name): column
        for table, found in draft.tables.items()
        if table not in ignored
        for name, column in found.columns.items()
    }
