"""The schema of a repository's databases, from whatever declares them."""

from docs_mgmt.generators.schema.django import read_django
from docs_mgmt.generators.schema.drafts import Readings
from docs_mgmt.generators.schema.files import SourceFiles
from docs_mgmt.generators.schema.laravel import read_laravel
from docs_mgmt.generators.schema.merging import merge
from docs_mgmt.generators.schema.prisma import read_prisma
from docs_mgmt.generators.schema.python_files import read_python
from docs_mgmt.generators.schema.rails import read_rails
from docs_mgmt.generators.schema.shapes import DatabaseSchema
from docs_mgmt.generators.schema.sql import SqlBudget, read_sql
from docs_mgmt.generators.schema.sqlalchemy import read_sqlalchemy
from docs_mgmt.generators.schema.typeorm import read_typeorm
from projects.indexing.shapes import Sources


def extract_schema(sources: Sources) -> DatabaseSchema:
    """All tables that the files declare; what cannot be read costs itself alone and is told of in `unread`.

    Nothing is run. The same files give the same schema.
    """
    return merge(read_all(sources))


def read_all(sources: Sources, *, confirming: bool = False) -> Readings:
    """What each kind of source tells by itself; `confirming` reads those too that a better one makes needless."""
    readings = Readings()
    files = SourceFiles(sources, readings)
    python = read_python(files, readings)
    budget = SqlBudget()
    read_django(files, python, readings)
    read_sqlalchemy(files, python, readings, budget)
    read_sql(files, readings, budget)
    read_rails(files, readings, budget, confirming=confirming)
    read_laravel(files, readings, budget)
    read_prisma(files, readings)
    read_typeorm(files, readings, budget)
    return readings
