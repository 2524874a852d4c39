"""`bin/manage search`: searches a project's code from the command line, as the API does."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from projects.code_index import FoundText, open_index, read_passages, readable
from projects.errors import IndexNotReady
from projects.index_shapes import search_row
from projects.models import Project

MAXIMUM = 200
SHOWN_LINES = 8


class Command(BaseCommand):
    help = (
        "Searches the code of a project by its index, best files first: words of a sentence, identifiers, parts of "
        "paths, what commits said. A name that stands alone (`parse_url`, `Store.find`) shows who defines it first. "
        "Prints for each file its path with the lines of the best passages, and why it was found. "
        "Exit status 1: there is no such project, or no index of it yet."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("project", type=int, help="the project's number")
        parser.add_argument("query", nargs="+", help="what to look for; several words are one query")
        parser.add_argument("--limit", type=int, default=10, help="how many files at most (default: %(default)s)")
        parser.add_argument("--path", help="only files whose path begins so, as in src/")
        parser.add_argument("--language", help="only files in this language, as in python")
        parser.add_argument("--json", action="store_true", help="one JSON object for each file")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(pk=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']}.")
        limit = min(max(options["limit"], 1), MAXIMUM)
        try:
            with open_index(project) as index, readable(project):
                query = " ".join(options["query"])
                files = index.search(query, limit=limit, path=options["path"], language=options["language"])
                commit = index.commit
        except IndexNotReady:
            raise CommandError(f"There is no index of project {project.pk}: it is {project.index['status']}.") from None
        for found in read_passages(project, files):
            self.stdout.write(json.dumps(search_row(found)) if options["json"] else _shown(found))
        if not options["json"]:
            self.stdout.write(f"{len(files)} files, at {commit[:12]}")


def _shown(found: FoundText) -> str:
    lines = [f"{found.file.score:5.2f}  {_printable(found.file.path)}  ({found.why})"]
    for passage in found.passages:
        chunk = passage.chunk
        named = f"  {chunk.symbol}" if chunk.symbol else ""
        lines.append(f"       {chunk.start_line}-{chunk.end_line}{named}")
    if found.passages:
        said = [line for line in found.passages[0].snippet.split("\n") if line.strip()]
        lines += [f"         | {_printable(line)}" for line in said[:SHOWN_LINES]]
    return "\n".join(lines)


def _printable(line: str) -> str:
    """A line of a repository without what would steer a terminal."""
    return "".join(each if each.isprintable() else " " for each in line)[:160]
