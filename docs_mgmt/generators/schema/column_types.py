"""Types of columns compared across frameworks and databases: coarsely, as each calls the same thing otherwise."""

FAMILIES = {
    "integer": "int integer bigint smallint tinyint mediumint int2 int4 int8 int64 int32 serial bigserial smallserial"
    " serial4 serial8 uint64 uint32 uint16 uint8 int16 number",
    "text": "varchar char character text string citext tinytext mediumtext longtext nvarchar nchar bpchar clob ntext"
    " name uniqueidentifier uuid inet enum set xml binary_uuid ulid cidr macaddr varying fixedstring lowcardinality"
    " user-defined",
    "decimal": "numeric decimal money dec real float double float4 float8 float64 float32 double_precision smallmoney",
    "boolean": "bool boolean bit",
    "time": "timestamp timestamptz datetime datetime2 date time timetz datetime64 smalldatetime datetimeoffset year"
    " timestamp_tz timestampltz timestampntz",
    "json": "json jsonb hstore",
    "binary": "binary varbinary blob bytea tinyblob mediumblob longblob bytes rowversion image",
}
"""Families of types, by their bare names. What is in none of them is compared with nothing."""

FAMILY = {name: family for family, names in FAMILIES.items() for name in names.split()}
ALIKE = (
    {"boolean", "integer"},  # tinyint(1)
    {"json", "text"},  # SQLite and older MySQL
    {"binary", "text"},  # a UUID in binary(16), long texts
    {"decimal", "integer"},  # SQLite's REAL, NUMBER
    {"time", "integer"},  # moments in milliseconds
)
"""Families that stand for one another: one database has no type of its own where another one has."""


def bare(type_: str) -> str:
    """A type without length, array and attributes."""
    words = type_.lower().partition("(")[0].replace("[]", "").split()
    return words[0] if words else ""


def differ(first: str, second: str) -> bool:
    """Whether two types can not be the same column's."""
    if ("[]" in first) != ("[]" in second):
        return False  # an array is a JSON text where there are none
    families = {FAMILY.get(bare(first)), FAMILY.get(bare(second))}
    return len(families) == 2 and None not in families and families not in ALIKE
