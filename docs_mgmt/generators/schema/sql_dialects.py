"""Which database an SQL text is written for, by its path and by words that only one of them knows."""

import re

OF_PATH = {
    "mysql": "mysql", "mariadb": "mysql", "postgres": "postgres", "postgresql": "postgres", "pgsql": "postgres",
    "pg": "postgres", "psql": "postgres", "sqlite": "sqlite", "sqlite3": "sqlite", "mssql": "tsql",
    "sqlserver": "tsql", "clickhouse": "clickhouse", "d1": "sqlite", "cockroach": "postgres", "cockroachdb": "postgres",
    "timescale": "postgres", "supabase": "postgres", "turso": "sqlite", "libsql": "sqlite",
}  # fmt: skip
WORDS = {
    "mysql": r"`|ENGINE\s*=|AUTO_INCREMENT|\bunsigned\b|\blongtext\b|CHARSET",
    "clickhouse": r"MergeTree|Nullable\(|LowCardinality\(|ON CLUSTER",
    "tsql": r"\[dbo\]|IDENTITY\s*\(|NVARCHAR|^GO$|\bCLUSTERED\b|DATETIME2",
    "sqlite": r"\bAUTOINCREMENT\b|WITHOUT\s+ROWID|PRAGMA\s|datetime\('now'\)|strftime\(",
    "postgres": r"\bserial\b|\bbigserial\b|jsonb|timestamptz|::|\bplpgsql\b|pg_catalog|nextval\(|USING\s+btree"
    r"|\btext\[\]|WITH TIME ZONE|BYTEA",
}
_WORDS = {dialect: re.compile(words, re.IGNORECASE | re.MULTILINE) for dialect, words in WORDS.items()}


def dialect_of_path(path: str) -> str | None:
    """The dialect that a part of a path names, the innermost of several."""
    for part in reversed(re.split(r"[/._-]", path.lower())):
        if part in OF_PATH:
            return OF_PATH[part]
    return None


def detect_dialect(text: str) -> str:
    """The dialect with the most words of its own; PostgreSQL's, which has the fewest, where none has any."""
    counts = {dialect: sum(1 for _ in words.finditer(text)) for dialect, words in _WORDS.items()}
    best = max(counts, key=lambda dialect: counts[dialect])
    return best if counts[best] else "postgres"
