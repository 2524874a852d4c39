"""Columns as Laravel's blueprints declare them: the methods, their types, the names they give by themselves."""

from docs_mgmt.generators.schema.php_calls import PhpCall, PhpChain
from docs_mgmt.generators.schema.shapes import Column
from docs_mgmt.generators.schema.trees import number, written

TYPES = {
    "id": "bigint", "increments": "integer", "integerIncrements": "integer", "bigIncrements": "bigint",
    "smallIncrements": "smallint", "tinyIncrements": "tinyint", "mediumIncrements": "mediumint",
    "bigInteger": "bigint", "unsignedBigInteger": "bigint", "integer": "integer", "unsignedInteger": "integer",
    "smallInteger": "smallint", "unsignedSmallInteger": "smallint", "tinyInteger": "tinyint",
    "unsignedTinyInteger": "tinyint", "mediumInteger": "mediumint", "unsignedMediumInteger": "mediumint",
    "foreignId": "bigint", "foreignUuid": "uuid", "foreignUlid": "char(26)", "foreignIdFor": "bigint",
    "string": "varchar", "char": "char", "text": "text", "mediumText": "mediumtext", "longText": "longtext",
    "tinyText": "tinytext", "boolean": "boolean", "date": "date", "dateTime": "timestamp", "dateTimeTz": "timestamptz",
    "timestamp": "timestamp", "timestampTz": "timestamptz", "time": "time", "timeTz": "timetz", "year": "year",
    "decimal": "numeric", "unsignedDecimal": "numeric", "float": "float", "unsignedFloat": "float",
    "double": "double", "unsignedDouble": "double", "json": "json", "jsonb": "jsonb", "binary": "binary",
    "uuid": "uuid", "ulid": "char(26)", "enum": "enum", "set": "set", "ipAddress": "inet", "macAddress": "macaddr",
    "geometry": "geometry", "geography": "geography", "point": "geometry", "polygon": "geometry",
    "lineString": "geometry", "multiPoint": "geometry", "multiPolygon": "geometry", "vector": "vector",
    "computed": "computed", "rememberToken": "varchar(100)", "softDeletes": "timestamp",
    "softDeletesTz": "timestamptz", "softDeletesDatetime": "timestamp", "rawColumn": "raw", "addColumn": "raw",
    "tsvector": "tsvector",
}  # fmt: skip
"""The database's type of what each method of one column declares."""
NAMES = {"id": "id", "uuid": "uuid", "ulid": "ulid", "ipAddress": "ip_address", "macAddress": "mac_address",
         "softDeletes": "deleted_at", "softDeletesTz": "deleted_at", "softDeletesDatetime": "deleted_at",
         "rememberToken": "remember_token"}  # fmt: skip
"""The name of a column where none is given."""
NULLABLE = frozenset({"softDeletes", "softDeletesTz", "softDeletesDatetime", "rememberToken"})
KEYS = frozenset({"id"} | {name for name in TYPES if name.endswith("ncrements")})
MORPHS = {
    "morphs": "bigint", "nullableMorphs": "bigint", "numericMorphs": "bigint", "nullableNumericMorphs": "bigint",
    "uuidMorphs": "uuid", "nullableUuidMorphs": "uuid", "ulidMorphs": "char(26)", "nullableUlidMorphs": "char(26)",
}  # fmt: skip
"""The type of the second column of a reference to whatever table the first one names."""
TIMESTAMPS = {
    "timestamps": "timestamp", "nullableTimestamps": "timestamp", "timestampsTz": "timestamptz",
    "nullableTimestampsTz": "timestamptz", "datetimes": "timestamp",
}  # fmt: skip
LENGTHS = {"string": 255, "char": 255}


def columns_of(chain: PhpChain, path: str) -> list[Column]:
    """The columns that a statement on a blueprint declares, none if it does another thing."""
    first = chain.calls[0]
    if first.name in TIMESTAMPS:
        kind = TIMESTAMPS[first.name]
        return [Column(name, kind, first.name, True, None, path, first.line) for name in ("created_at", "updated_at")]
    if first.name in MORPHS:
        return _morphs(chain, first, path)
    if first.name in TYPES:
        return _column(chain, first, path)
    return []


def _morphs(chain: PhpChain, first: PhpCall, path: str) -> list[Column]:
    name, nullable = first.text(0), first.name.startswith("nullable") or _is_nullable(chain)
    if name is None:
        return []
    types = ((f"{name}_type", "varchar(255)"), (f"{name}_id", MORPHS[first.name]))
    return [Column(column, kind, first.name, nullable, None, path, first.line) for column, kind in types]


def _column(chain: PhpChain, first: PhpCall, path: str) -> list[Column]:
    at = 1 if first.name in {"addColumn"} else 0
    name = first.text(at) or (NAMES.get(first.name) if not first.arguments or first.name in NULLABLE else None)
    if name is None:
        return []
    default = chain.named("default", "useCurrent")
    given = None if default is None else written(default.arguments[0]) if default.arguments else "CURRENT_TIMESTAMP"
    return [Column(name, _type(first), first.name, _is_nullable(chain), given, path, first.line)]


def _is_nullable(chain: PhpChain) -> bool:
    call = chain.named("nullable")
    if call is None:
        return chain.calls[0].name in NULLABLE
    return call.arguments[:1] != [False]


def _type(call: PhpCall) -> str:
    base = TYPES[call.name]
    sizes = [number(value) for value in call.arguments[1:3]]
    if call.name in LENGTHS:
        return f"{base}({sizes[0] if sizes and sizes[0] is not None else LENGTHS[call.name]})"
    if base == "numeric":
        total, places = [*sizes, None, None][:2]
        return f"numeric({8 if total is None else total},{2 if places is None else places})"
    if call.name == "addColumn":
        kind = call.text(0) or ""
        return TYPES.get(kind, kind.lower())
    if call.name == "rawColumn":
        return (call.text(1) or "raw").lower()
    return base
