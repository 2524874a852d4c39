"""Texts from a real repository, read by a process of its own: what is read, and what becomes of that process."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from docs_mgmt.generators.generating import GeneratedText, GeneratingStopped, generate
from docs_mgmt.generators.laid_out import LaidOutSources, lay_out
from docs_mgmt.generators.managed import DATABASE_SCHEMA, PROJECT_MAP
from docs_mgmt.generators.project_map import MapFile
from projects.git.repository import Repository
from tests.processes import words
from tests.projects.git.sample import Origin, make_origin

pytestmark = pytest.mark.plumbing
TABLE = b"CREATE TABLE users (id integer);\n"


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


def repository_of(origin: Origin) -> Repository:
    """A person's repository as if it were the server's."""
    path = origin.path / ".git"
    (path / "private" / "objects").mkdir(parents=True, exist_ok=True)
    return Repository(path)


def texts_of(origin: Origin, commit: str, must_stop: Callable[[], bool] = lambda: False) -> dict[str, GeneratedText]:
    made = generate(
        repository_of(origin),
        commit,
        map_files=[MapFile("schema.sql", "sql", "source", 1)],
        files=[],
        links=[],
        scratch=origin.path.parent / "scratch",
        must_stop=must_stop,
    )
    return {text.slug: text for text in made}


def readers() -> list[psutil.Process]:
    """The processes of this one that read code now."""
    return [each for each in psutil.Process().children() if "docs_mgmt.generators.child" in words(each)]


def test_each_document_gets_its_text(origin: Origin) -> None:
    texts = texts_of(origin, origin.commit({"schema.sql": TABLE}))
    assert "`schema.sql`" in texts[PROJECT_MAP.slug].text
    assert "users" in texts[DATABASE_SCHEMA.slug].text
    assert [table["name"] for table in texts[DATABASE_SCHEMA.slug].facts["tables"]] == ["users"]
    assert not (origin.path.parent / "scratch").exists()


def test_a_reader_that_is_killed_costs_its_documents_and_no_other(origin: Origin) -> None:
    def kill() -> bool:
        for each in readers():
            each.kill()
        return False

    texts = texts_of(origin, origin.commit({"schema.sql": TABLE}), kill)
    assert "was ended" in texts[DATABASE_SCHEMA.slug].problem
    assert texts[PROJECT_MAP.slug].text


def test_told_to_stop_it_leaves_nothing(origin: Origin) -> None:
    with pytest.raises(GeneratingStopped):
        texts_of(origin, origin.commit({"schema.sql": TABLE}), lambda: True)
    assert readers() == []
    assert not (origin.path.parent / "scratch").exists()


def test_what_a_killed_server_left_is_removed(origin: Origin) -> None:
    scratch = origin.path.parent / "scratch"
    scratch.mkdir()
    (scratch / "0").write_text("half")
    assert texts_of(origin, origin.commit({"schema.sql": TABLE}))[DATABASE_SCHEMA.slug].facts["tables"]


@pytest.mark.parametrize(
    "content", [b"(" * 50_000, b"SELECT " + b"(" * 50_000, b"\xff\xfe\x00CREATE TABLE", b"'" * 50_000]
)
def test_hostile_text_costs_no_other_file(origin: Origin, content: bytes) -> None:
    files = {"app/models.py": content, "app/migrations/0001_a.py": content, "bad.sql": content, "schema.sql": TABLE}
    facts = texts_of(origin, origin.commit(files))[DATABASE_SCHEMA.slug].facts
    assert [table["name"] for table in facts["tables"]] == ["users"]


def test_only_ordinary_text_of_the_repository_is_read(origin: Origin, tmp_path: Path) -> None:
    (origin.path / "link.py").symlink_to("/etc/passwd")
    (origin.path / "loop").symlink_to(".")
    commit = origin.commit(
        {
            "a.py": b"x = 1\n",
            "large.py": b"#" * (4 * 1024 * 1024 + 1),
            "binary.py": b"\0" * 20,
            "picture.png": b"x",
            "node_modules/b.js": b"x",
            "line\nbreak.py": b"y = 1\n",
        }
    )
    (tmp_path / "out").mkdir()
    lay_out(repository_of(origin), commit, tmp_path / "out")
    sources = LaidOutSources(tmp_path / "out")
    assert [path for path in sources.paths() if sources.read(path) is not None] == ["a.py", "line\nbreak.py"]
    assert {"link.py", "loop", "../a.py"}.isdisjoint(sources.paths())
    assert sources.read("../a.py") is None


def test_a_commit_without_files_gives_empty_texts(origin: Origin) -> None:
    texts = texts_of(origin, origin.commit({}))
    assert (texts[DATABASE_SCHEMA.slug].problem, texts[DATABASE_SCHEMA.slug].facts["tables"]) == ("", [])
