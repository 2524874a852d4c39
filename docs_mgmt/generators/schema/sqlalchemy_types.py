"""SQLAlchemy's types, and Python's in annotations, as a database calls them."""

import ast

from docs_mgmt.generators.schema.naming import snake
from docs_mgmt.generators.schema.python_source import dotted, integer, keywords, string

TYPES = {
    "Integer": "integer", "BigInteger": "bigint", "SmallInteger": "smallint", "String": "varchar", "Unicode": "varchar",
    "Text": "text", "UnicodeText": "text", "Boolean": "boolean", "Date": "date", "DateTime": "timestamp",
    "Time": "time", "Interval": "interval", "Float": "float", "Double": "double", "Numeric": "numeric",
    "LargeBinary": "binary", "PickleType": "binary", "Enum": "enum", "JSON": "json", "JSONB": "jsonb", "ARRAY": "array",
    "UUID": "uuid", "Uuid": "uuid", "GUID": "uuid", "UUIDType": "uuid", "TSVECTOR": "tsvector",
    "TSVectorType": "tsvector",
    "INET": "inet", "CIDR": "cidr", "CITEXT": "citext", "HSTORE": "hstore", "BYTEA": "bytea", "TIMESTAMP": "timestamp",
    "DATETIME": "timestamp", "VARCHAR": "varchar", "CHAR": "char", "TEXT": "text", "INTEGER": "integer",
    "BIGINT": "bigint", "SMALLINT": "smallint", "BOOLEAN": "boolean", "NUMERIC": "numeric", "DECIMAL": "numeric",
    "FLOAT": "float", "REAL": "real", "DOUBLE_PRECISION": "double", "DATE": "date", "TIME": "time", "BLOB": "blob",
    "ENUM": "enum", "LONGTEXT": "longtext", "MEDIUMTEXT": "mediumtext", "TINYINT": "tinyint", "AutoString": "varchar",
    "Geometry": "geometry", "Geography": "geography", "Vector": "vector", "VARBINARY": "varbinary",
    "EmailType": "varchar(255)", "URLType": "text", "JSONType": "json", "EncryptedType": "binary",
    "StringEncryptedType": "text", "ChoiceType": "varchar(255)", "INTERVAL": "interval", "NVARCHAR": "nvarchar",
}  # fmt: skip
"""The database's type of each, by the name of the class."""
PYTHON = {
    "int": "integer", "str": "varchar", "bool": "boolean", "float": "float", "bytes": "binary", "dict": "json",
    "Dict": "json", "datetime": "timestamp", "date": "date", "time": "time", "timedelta": "interval",
    "Decimal": "numeric", "UUID": "uuid", "UUID4": "uuid", "EmailStr": "varchar", "list": "json", "List": "json",
    "Any": "json", "AnyUrl": "varchar", "HttpUrl": "varchar",
}  # fmt: skip
"""The type of a column that is only annotated."""
LITERALS = frozenset({"Literal"})


def is_type(node: ast.expr) -> bool:
    """Whether an argument of a column is its type: a class or a call of one, no key and no default."""
    name = dotted(node).rpartition(".")[2]
    return bool(name) and name not in {
        "ForeignKey", "Sequence", "Identity", "Computed", "CheckConstraint", "FetchedValue", "None", "text",
    }  # fmt: skip


def type_of(node: ast.expr, constants: dict[str, ast.expr], depth: int = 5) -> str:
    """A type as it is given to a column; one that is not known by its own name in small letters."""
    name = dotted(node).rpartition(".")[2]
    if depth and name == "with_variant" and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return type_of(node.func.value, constants, depth - 1)
    if depth and name == "as_mutable" and isinstance(node, ast.Call) and node.args:
        return type_of(node.args[0], constants, depth - 1)
    if depth and isinstance(node, ast.Name) and node.id in constants and name not in TYPES:
        return type_of(constants[node.id], constants, depth - 1)
    base = TYPES.get(name) or _by_ending(name)
    if not isinstance(node, ast.Call):
        return base
    options = keywords(node)
    return _sized(base, node, options, constants, depth)


def _by_ending(name: str) -> str:
    """The type of a class that is not known: of the known one that its name ends with."""
    known = max((one for one in TYPES if name.endswith(one)), key=len, default=None)
    return snake(name) if known is None else TYPES[known]


def _sized(base: str, node: ast.Call, options: dict[str, ast.expr], constants: dict[str, ast.expr], depth: int) -> str:
    if base in {"varchar", "char", "nvarchar"}:
        length = integer(options.get("length", node.args[0] if node.args else None), constants)
        return base if length is None else f"{base}({length})"
    if base == "numeric":
        given = [*node.args, None, None]
        sizes = [integer(options.get(key, given[at]), constants) for at, key in enumerate(("precision", "scale"))]
        return base if sizes[0] is None else f"numeric({sizes[0]},{sizes[1] or 0})"
    if base == "enum":
        name = string(options.get("name"), constants)
        return f"enum {name}" if name else base
    inner = options.get("item_type", node.args[0] if node.args else None)
    if base == "array" and inner is not None and depth:
        return f"{type_of(inner, constants, depth - 1)}[]"
    aware = options.get("timezone")
    return "timestamptz" if base == "timestamp" and isinstance(aware, ast.Constant) and aware.value is True else base


def unwrapped(node: ast.expr | None) -> tuple[ast.expr | None, bool]:
    """The type within `Mapped[…]`, `Optional[…]`, `… | None`, `Annotated[…]`, and whether it may be null."""
    nullable = False
    for _ in range(10):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node = _parsed(node.value)
        elif isinstance(node, ast.Subscript) and dotted(node.value).rpartition(".")[2] in {
            "Mapped", "Optional", "Annotated", "Union", "ClassVar",
        }:  # fmt: skip
            nullable |= dotted(node.value).endswith("Optional")
            inner = node.slice
            if isinstance(inner, ast.Tuple):
                nullable |= any(_is_none(one) for one in inner.elts)
                inner = next((one for one in inner.elts if not _is_none(one)), inner)
            node = inner
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            nullable |= _is_none(node.left) or _is_none(node.right)
            node = node.right if _is_none(node.left) else node.left
        else:
            break
    return node, nullable


def annotated_type(node: ast.expr | None) -> str:
    """The type of a column that only an annotation tells; `enum` of a class that is not known."""
    if node is None:
        return "unknown"
    name = dotted(node).rpartition(".")[2]
    if name in LITERALS:
        return "varchar"
    return PYTHON.get(name) or ("enum" if name[:1].isupper() else "unknown")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text[:500], mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
