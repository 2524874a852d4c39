"""Managed documents through the doors, read from a real clone."""

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from projects.models import Membership, Project
from tests.config.answers import problem
from tests.conftest import MakeApi, MakeUser
from tests.docs_mgmt.conftest import Commit

MAP = "# Map\r\n\nWritten by people: é.\n"


@pytest.fixture
def viewer(project: Project, make_user: MakeUser, make_api: MakeApi) -> APIClient:
    person = make_user("viewer@example.com")
    Membership.objects.create(project=project, user=person, role="viewer")
    return make_api(person)


def docs(project: Project, rest: str = "") -> str:
    return f"/api/projects/{project.pk}/docs{rest}"


@pytest.fixture
def written(commit: Commit, request: pytest.FixtureRequest) -> tuple[Project, str]:
    """A clone whose head commit has a map, a changelog and a symbolic link in place of the schema."""
    link = request.getfixturevalue("tmp_path") / "origin/docs/DATABASE_SCHEMA.md"
    link.parent.mkdir()
    link.symlink_to("/etc/passwd")
    sha = commit({"docs/PROJECT_MAP.md": MAP.encode(), "CHANGELOG_AI.md": b"\xff broken\n"})
    return request.getfixturevalue("cloned"), sha


@pytest.mark.django_db(transaction=True)
class TestInARepository:
    def test_all_are_listed_with_what_the_repository_holds(self, written: tuple[Project, str], api: APIClient) -> None:
        project, sha = written
        rows = api.get(docs(project)).json()["data"]
        assert [(row["slug"], row["path"], row["origin"], row["commit"], row["stale"]) for row in rows] == [
            ("project-map", "docs/PROJECT_MAP.md", "repository", sha, None),
            ("database-schema", "docs/DATABASE_SCHEMA.md", None, None, None),
            ("architecture-diagrams", "docs/ARCHITECTURE_DIAGRAMS.md", None, None, None),
            ("changelog-ai", "CHANGELOG_AI.md", "repository", sha, None),
        ]
        assert all(row["lastUpdatedAt"].endswith("Z") for row in rows if row["origin"])

    def test_the_list_goes_by_pages(self, written: tuple[Project, str], api: APIClient) -> None:
        first = api.get(docs(written[0]), {"limit": 2}).json()
        second = api.get(docs(written[0]), {"limit": 2, "cursor": first["meta"]["nextCursor"]}).json()
        assert [page["data"][-1]["slug"] for page in (first, second)] == ["database-schema", "changelog-ai"]
        assert second["meta"]["nextCursor"] is None

    def test_one_is_given_with_its_text(self, written: tuple[Project, str], api: APIClient) -> None:
        project, sha = written
        body = api.get(docs(project, "/project-map")).json()
        assert (body["markdown"], body["commit"], body["title"]) == (MAP, sha, "Project map")

    def test_one_is_given_bare(self, written: tuple[Project, str], api: APIClient) -> None:
        answer = api.get(docs(written[0], "/project-map"), headers={"Accept": "text/markdown"})
        assert (answer.content, answer["Content-Type"]) == (MAP.encode(), "text/markdown; charset=utf-8")

    def test_bytes_that_are_no_text_are_replaced(self, written: tuple[Project, str], api: APIClient) -> None:
        assert api.get(docs(written[0], "/changelog-ai")).json()["markdown"] == "\ufffd broken\n"

    @pytest.mark.parametrize("slug", ["database-schema", "architecture-diagrams"])
    @pytest.mark.parametrize("accept", ["application/json", "text/markdown"])
    def test_one_that_is_not_there_is_a_conflict(
        self, written: tuple[Project, str], api: APIClient, slug: str, accept: str
    ) -> None:
        answer = api.get(docs(written[0], f"/{slug}"), headers={"Accept": accept})
        assert (problem(answer), answer.json()["slug"]) == ((409, "docs-not-generated"), slug)

    def test_it_is_read_at_the_head_commit_not_at_what_came_after(
        self, written: tuple[Project, str], api: APIClient, commit: Commit
    ) -> None:
        commit({"docs/PROJECT_MAP.md": b"later"})
        assert api.get(docs(written[0], "/project-map")).json()["markdown"] == MAP


@pytest.mark.django_db(transaction=True)
def test_one_that_is_too_large_is_not_read(commit: Commit, api: APIClient, request: pytest.FixtureRequest) -> None:
    commit({"docs/PROJECT_MAP.md": b"x" * (4 * 1024 * 1024 + 1)})
    answer = api.get(docs(request.getfixturevalue("cloned"), "/project-map"))
    assert problem(answer) == (409, "docs-too-large")


@pytest.mark.parametrize("commit_id", [None, "0" * 40])
def test_a_project_without_a_clone_has_none(viewer: APIClient, project: Project, commit_id: str | None) -> None:
    Project.objects.update(head_commit=commit_id)
    assert {row["origin"] for row in viewer.get(docs(project)).json()["data"]} == {None}
    assert problem(viewer.get(docs(project, "/project-map"))) == (409, "docs-not-generated")


@pytest.mark.parametrize("slug", ["readme", "Project-Map", "changelog", "..%2f..%2fetc"])
def test_another_name_is_not_found(viewer: APIClient, project: Project, slug: str) -> None:
    assert problem(viewer.get(docs(project, f"/{slug}"))) == (404, "not-found")


def test_a_document_comes_in_no_other_form(viewer: APIClient, project: Project) -> None:
    answer = viewer.get(docs(project, "/project-map"), headers={"Accept": "text/html"})
    assert problem(answer) == (406, "not-acceptable")


def test_no_run_has_written_into_the_changelog(viewer: APIClient, project: Project) -> None:
    path = f"/api/projects/{project.pk}/changelog"
    assert viewer.get(path).json() == {"data": [], "meta": {"nextCursor": None}}
    assert problem(viewer.get(path, {"limit": "0"})) == (400, "invalid-parameter")


@pytest.mark.parametrize("rest", ["docs", "docs/project-map", "docs/readme", "changelog"])
def test_a_stranger_finds_nothing(stranger: APIClient, project: Project, rest: str) -> None:
    assert problem(stranger.get(f"/api/projects/{project.pk}/{rest}")) == (404, "not-found")


@pytest.mark.parametrize("status", ["pending", "cloning", "error"])
def test_a_project_without_a_clone_is_not_read(api: APIClient, project: Project, status: str) -> None:
    Project.objects.update(status=status)
    assert problem(api.post(docs(project, "/regenerate"))) == (409, "project-not-ready")


def test_generating_needs_a_maintainer(viewer: APIClient, project: Project) -> None:
    answer = viewer.post(docs(project, "/regenerate"))
    assert (problem(answer), answer.json()["requiredRole"]) == ((403, "role-required"), "maintainer")


def test_generating_needs_the_ability_to_write(project: Project, user: User, make_api: MakeApi) -> None:
    answer = make_api(user, "projects:read").post(docs(project, "/regenerate"))
    assert (problem(answer), answer.json()["requiredAbility"]) == ((403, "missing-ability"), "projects:write")


def test_generating_takes_no_body(api: APIClient, project: Project) -> None:
    assert problem(api.post(docs(project, "/regenerate"), {"slug": "a"})) == (422, "validation-failed")


def test_an_archived_project_is_read_but_not_written(api: APIClient, project: Project) -> None:
    Project.objects.update(status="archived")
    assert api.get(docs(project)).status_code == 200
    answer = api.post(docs(project, "/regenerate"))
    assert (problem(answer), answer.json()["currentStatus"]) == ((409, "project-not-ready"), "archived")


def test_generating_asked_for_under_a_key_gives_the_same_answer(api: APIClient, project: Project, user: User) -> None:
    answers = [api.post(docs(project, "/regenerate"), headers={"Idempotency-Key": "a"}) for _ in range(2)]
    assert [(answer.status_code, answer.json()["docs"]["status"]) for answer in answers] == [(202, "queued")] * 2
    Membership.objects.filter(user=user).delete()
    again = api.post(docs(project, "/regenerate"), headers={"Idempotency-Key": "a"})
    assert problem(again) == (404, "not-found")


@pytest.mark.parametrize("name", ["schema", "diagrams"])
def test_what_is_read_from_the_code_is_not_there_yet(viewer: APIClient, project: Project, name: str) -> None:
    answer = viewer.get(f"/api/projects/{project.pk}/{name}")
    assert problem(answer) == (409, "docs-not-ready")
    assert (answer.json()["docsStatus"], answer.json()["indexStatus"]) == ("none", "none")


@pytest.mark.parametrize("name", ["schema", "diagrams"])
def test_a_stranger_does_not_read_the_code(stranger: APIClient, project: Project, name: str) -> None:
    assert problem(stranger.get(f"/api/projects/{project.pk}/{name}")) == (404, "not-found")


def test_diagrams_are_offered_as_markdown_and_as_json_only(viewer: APIClient, project: Project) -> None:
    path = f"/api/projects/{project.pk}/diagrams"
    asked = {kind: viewer.get(path, headers={"Accept": kind}) for kind in ("text/markdown", "a/b")}
    assert {kind: problem(answer) for kind, answer in asked.items()} == {
        "text/markdown": (409, "docs-not-ready"),
        "a/b": (406, "not-acceptable"),
    }
