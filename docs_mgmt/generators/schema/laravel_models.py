"""What migrations ask of Laravel's models: the table of a class, the name and type of its key."""

import re
from dataclasses import dataclass, field
from posixpath import basename

from docs_mgmt.generators.schema.files import SourceFiles
from docs_mgmt.generators.schema.naming import plural, snake

TABLE = re.compile(r"protected\s+(?:\??string\s+)?\$table\s*=\s*['\"](\w+)['\"]")
KEY = re.compile(r"protected\s+(?:\??string\s+)?\$primaryKey\s*=\s*['\"](\w+)['\"]")
KEY_TYPES = {"HasUuids": "uuid", "HasVersion4Uuids": "uuid", "HasUlids": "char(26)"}


@dataclass(frozen=True, slots=True)
class LaravelModel:
    table: str
    key: str = "id"
    key_type: str = "bigint"


@dataclass(slots=True)
class LaravelModels:
    """The models of a repository, by the names of their classes; read when they are asked for."""

    files: SourceFiles
    _known: dict[str, LaravelModel] = field(default_factory=dict)
    _paths: dict[str, str] = field(default_factory=dict)

    def model(self, name: str) -> LaravelModel:
        """The model of that class; by the rule of names where there is no such file."""
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def _read(self, name: str) -> LaravelModel:
        if not self._paths:
            self._paths = {basename(path): path for path in reversed(list(self.files.ending(".php")))}
        path = self._paths.get(f"{name}.php")
        text = (self.files.text(path) if path is not None else None) or ""
        table, key = TABLE.search(text), KEY.search(text)
        kind = next((type_ for trait, type_ in KEY_TYPES.items() if re.search(rf"\b{trait}\b", text)), "bigint")
        return LaravelModel(table[1] if table else plural(snake(name)), key[1] if key else "id", kind)
