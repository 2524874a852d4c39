"""Django's fields as columns: the type in a database, whether it may be null, its default and its name."""

import ast
from dataclasses import dataclass, field

from docs_mgmt.generators.schema.python_source import dotted, integer, keywords, string, text_of, truth
from docs_mgmt.generators.schema.shapes import Column

TYPES = {
    "AutoField": "integer", "BigAutoField": "bigint", "SmallAutoField": "smallint", "BigIntegerField": "bigint",
    "BinaryField": "binary", "BooleanField": "boolean", "NullBooleanField": "boolean", "CharField": "varchar",
    "CommaSeparatedIntegerField": "varchar", "DateField": "date", "DateTimeField": "timestamp",
    "DecimalField": "numeric", "DurationField": "interval", "EmailField": "varchar(254)", "FileField": "varchar(100)",
    "FilePathField": "varchar(100)", "FloatField": "double", "GenericIPAddressField": "inet", "IPAddressField": "inet",
    "ImageField": "varchar(100)", "IntegerField": "integer", "JSONField": "json", "JSONBField": "json",
    "PositiveBigIntegerField": "bigint", "PositiveIntegerField": "integer", "PositiveSmallIntegerField": "smallint",
    "SlugField": "varchar(50)", "SmallIntegerField": "smallint", "TextField": "text", "TimeField": "time",
    "URLField": "varchar(200)", "UUIDField": "uuid",
    # django.contrib.postgres and gis
    "ArrayField": "array", "HStoreField": "hstore", "CICharField": "varchar", "CIEmailField": "varchar(254)",
    "CITextField": "text", "SearchVectorField": "tsvector", "IntegerRangeField": "int4range",
    "BigIntegerRangeField": "int8range", "DecimalRangeField": "numrange", "DateRangeField": "daterange",
    "DateTimeRangeField": "tstzrange", "GeometryField": "geometry", "PointField": "geometry",
    "LineStringField": "geometry", "PolygonField": "geometry", "MultiPointField": "geometry",
    "MultiLineStringField": "geometry", "MultiPolygonField": "geometry", "GeometryCollectionField": "geometry",
    "RasterField": "raster",
    # of packages that many projects use
    "AutoCreatedField": "timestamp", "AutoLastModifiedField": "timestamp", "MonitorField": "timestamp",
    "CreationDateTimeField": "timestamp", "ModificationDateTimeField": "timestamp", "StatusField": "varchar(100)",
    "AutoSlugField": "varchar(50)", "PhoneNumberField": "varchar(128)", "CountryField": "varchar(2)",
    "ColorField": "varchar(25)", "TimeZoneField": "varchar(63)", "StreamField": "json", "RichTextField": "text",
    "ShortUUIDField": "varchar", "MoneyField": "numeric", "MultiSelectField": "varchar", "TagField": "varchar(255)",
}  # fmt: skip
"""The database's type of each; a length or precision that is given is added."""

TO_ONE = frozenset({"ForeignKey", "OneToOneField", "ParentalKey", "TreeForeignKey", "TreeOneToOneField"})
TO_MANY = frozenset({"ManyToManyField", "ParentalManyToManyField", "TreeManyToManyField", "SortedManyToManyField"})
WITHOUT_COLUMN = frozenset({"GenericForeignKey", "GenericRelation", "ForeignObject", "CompositePrimaryKey"})
AUTO = frozenset({"AutoField", "BigAutoField", "SmallAutoField"})
ON_DELETE = {
    "CASCADE": "cascade", "SET_NULL": "set null", "PROTECT": "restrict", "RESTRICT": "restrict",
    "SET_DEFAULT": "set default", "DO_NOTHING": "no action", "SET": "set default",
}  # fmt: skip


@dataclass(slots=True)
class DjangoField:
    """A field of a model: `kind` is Django's class, or the one of a package, that it is or derives from.

    `target` and `through` are (app label, model name), both in small letters, of what a relation names.
    """

    name: str
    kind: str
    call: ast.Call
    path: str
    line: int
    constants: dict[str, ast.expr]
    target: tuple[str, str] | None = None
    through: tuple[str, str] | None = None
    is_guess: bool = False
    options: dict[str, ast.expr] = field(default_factory=dict)

    @property
    def is_primary_key(self) -> bool:
        return truth(self.options.get("primary_key"))

    @property
    def is_unique(self) -> bool:
        return truth(self.options.get("unique")) or self.kind in {"OneToOneField", "TreeOneToOneField"}

    @property
    def is_indexed(self) -> bool:
        return truth(self.options.get("db_index"), self.kind in TO_ONE or self.kind == "SlugField")

    @property
    def column_name(self) -> str:
        given = string(self.options.get("db_column"), self.constants)
        return given or (f"{self.name}_id" if self.kind in TO_ONE else self.name)

    @property
    def on_delete(self) -> str | None:
        given = self.options.get("on_delete") or (self.call.args[1] if len(self.call.args) > 1 else None)
        return None if given is None else ON_DELETE.get(dotted(given).rpartition(".")[2])


def make_field(
    name: str, kind: str, call: ast.Call, path: str, line: int, constants: dict[str, ast.expr]
) -> DjangoField:
    """A field of a call; where the kind is not known, of the known one that its name ends with."""
    found = DjangoField(name, kind, call, path, line, constants, options=keywords(call))
    if kind not in TYPES.keys() | TO_ONE | TO_MANY | WITHOUT_COLUMN:
        found.kind = max((known for known in TYPES if kind.endswith(known)), key=len, default=kind)
        found.is_guess = True
    return found


def looks_like_field(kind: str) -> bool:
    """Whether a class of this name makes a column, or a relation."""
    return kind.endswith("Field") or kind in TO_ONE or kind in TO_MANY


def column_of(field: DjangoField, type_: str) -> Column:
    """The column of a field of that type."""
    default = field.options.get("db_default", field.options.get("default"))
    nullable = truth(field.options.get("null")) or field.kind == "NullBooleanField"
    return Column(
        name=field.column_name,
        type=type_,
        raw_type=text_of(field.call.func),
        nullable=nullable and not field.is_primary_key,
        default=None if default is None else text_of(default, 80),
        path=field.path,
        line=field.line,
    )


def type_of(field: DjangoField) -> str:
    """The type of a field that is no relation; `unknown` where its class is not known."""
    return _type(field.kind, field.call, field.constants, depth=5)


def _type(kind: str, call: ast.Call, constants: dict[str, ast.expr], depth: int) -> str:
    options = keywords(call)
    base = TYPES.get(kind, "unknown")
    inner = {"ArrayField": options.get("base_field", call.args[0] if call.args else None)}.get(
        kind, options.get("output_field")
    )
    if isinstance(inner, ast.Call) and depth:
        found = _type(dotted(inner.func).rpartition(".")[2], inner, constants, depth - 1)
        return f"{found}[]" if kind == "ArrayField" else found
    if base == "numeric":
        sizes = [integer(options.get(name), constants) for name in ("max_digits", "decimal_places")]
        return base if None in sizes else f"numeric({sizes[0]},{sizes[1]})"
    length = integer(options.get("max_length"), constants)
    return f"varchar({length})" if base.startswith("varchar") and length is not None else base
