"""Each rule by itself: what it finds, and what it leaves alone."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.summary_rules.facts import ChangedFile, Counts, Finding, Outcome, RanTests, Risk, Work
from runs.summary_rules.risks import MAX_PATHS, RULES, assess
from runs.summary_rules.shape_risks import LARGE_DELETION_LINES

pytestmark = pytest.mark.plumbing
PAGE = Path(__file__).resolve().parents[3] / "docs/summaries.md"


def changed(path: str, *added: str, removed: tuple[str, ...] = (), **fields: Any) -> ChangedFile:
    numbered = tuple(enumerate(added, 1))
    sums = {"additions": len(added), "deletions": len(removed)}
    return ChangedFile(path, added=numbered, removed=removed, **{**sums, **fields})


def found(rule: str, *files: ChangedFile, **work: Any) -> Finding | None:
    return RULES[rule](Work(files=files, **work))


def severity(rule: str, *files: ChangedFile, **work: Any) -> str | None:
    finding = found(rule, *files, **work)
    return finding.severity if finding else None


def ran(command: str = "pytest", outcome: Outcome = "passed", failed: int | None = None) -> RanTests:
    return RanTests(1, command, "", "pytest", outcome, Counts(failed=failed), 1 if outcome == "failed" else 0)


PLACES = [
    ("ci", ".github/workflows/test.yml", True),
    ("ci", "sub/.gitlab-ci.yml", True),
    ("ci", ".pre-commit-config.yaml", True),
    ("ci", "Jenkinsfile", True),
    ("ci", ".github/ISSUE_TEMPLATE.md", False),
    ("ci", "docs/jenkinsfile-howto.md", False),
    ("dependencies", "web/package.json", True),
    ("dependencies", "requirements-dev.txt", True),
    ("dependencies", "Cargo.lock", True),
    ("dependencies", "app/build.gradle.kts", True),
    ("dependencies", "package.json.md", False),
    ("dependencies", "src/requirements.py", False),
    ("infrastructure", "Dockerfile.prod", True),
    ("infrastructure", "docker-compose.override.yml", True),
    ("infrastructure", "infra/main.tf", True),
    ("infrastructure", "deploy/run.sh", True),
    ("infrastructure", "src/deployer.py", False),
    ("agent-instructions", "AGENTS.md", True),
    ("agent-instructions", ".claude/settings.json", True),
    ("agent-instructions", "docs/agents.md", True),
    ("agent-instructions", "src/agents.py", False),
    ("authentication", "app/auth/views.py", True),
    ("authentication", "src/LoginForm.tsx", True),
    ("authentication", "app/Http/UserPermissions.php", True),
    ("authentication", "app/authors.py", False),
    ("authentication", "app/views.py", False),
    ("secrets", ".env", True),
    ("secrets", "deploy/id_rsa", True),
    ("secrets", "certs/server.key", True),
    ("secrets", ".env.example", False),
    ("secrets", "src/keys.py", False),
]


@pytest.mark.parametrize(("rule", "path", "is_found"), PLACES)
def test_a_place_is_known(rule: str, path: str, is_found: bool) -> None:
    finding = found(rule, changed(path))
    assert (finding.paths if finding else None) == ((path,) if is_found else None)


def test_a_file_that_was_moved_away_counts() -> None:
    assert (
        severity("ci", changed("old/test.yml", old_path=".github/workflows/test.yml", change_type="renamed")) == "high"
    )


@pytest.mark.parametrize("kind", ["docs", "test", "asset"])
def test_what_does_not_run_is_no_authentication(kind: str) -> None:
    assert found("authentication", changed("auth/login.txt", kind=kind)) is None


@pytest.mark.parametrize(
    "line",
    [
        "@login_required",
        "    permission_classes = [AllowAny]",
        "if user.is_superuser:",
        "requests.get(url, verify=False)",
        "claims = jwt.decode(text)",
        "skip_before_action :authenticate_user!",
    ],
)
def test_lines_about_leave_are_authentication_added_or_removed(line: str) -> None:
    assert severity("authentication", changed("app/views.py", line)) == "high"
    assert severity("authentication", changed("app/views.py", removed=(line,))) == "high"


@pytest.mark.parametrize(
    "line",
    [
        "AWS = 'AKIAIOSFODNN7EXAMPL3'",
        "token: ghp_" + "a1B2" * 9,
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "DB = 'postgres://app:hunter22@db/app'",
        'password = "correcthorse"',
        '"api_key": "0123456789abcdef"',
        "SECRET => 'zzzzzzzzzzzz'",
    ],
)
def test_a_line_that_looks_like_a_secret_is_told_by_its_place_alone(line: str) -> None:
    finding = found("secrets", changed("app/settings.py", "import os", line))
    assert finding is not None
    assert (finding.severity, finding.paths) == ("high", ("app/settings.py",))
    assert finding.message == "What looks like a secret was added: app/settings.py:2."


@pytest.mark.parametrize(
    "line",
    [
        'password = "changeme-please"',
        'password = "$PASSWORD_OF_IT"',
        "password = os.environ['PASSWORD']",
        "url = 'https://example.com/a:b'",
        "token = issue_token(user)",
    ],
)
def test_a_line_without_a_secret_is_none(line: str) -> None:
    assert found("secrets", changed("app/settings.py", line)) is None


def test_a_secret_that_was_taken_out_is_none() -> None:
    assert found("secrets", changed("a.py", removed=('password = "correcthorse"',))) is None
    assert found("secrets", changed(".env", change_type="deleted")) is None


def test_a_new_migration_is_medium() -> None:
    file = changed("app/migrations/0002.py", "AddField()", kind="migration", change_type="created")
    assert severity("migrations", file) == "medium"


@pytest.mark.parametrize("line", ["migrations.RemoveField(", "DROP  TABLE users;", "remove_column :users, :name"])
def test_a_migration_that_takes_away_is_high(line: str) -> None:
    assert severity("migrations", changed("m/2.py", line, kind="migration", change_type="created")) == "high"


@pytest.mark.parametrize("change_type", ["updated", "deleted", "renamed"])
def test_a_migration_that_was_there_before_is_high(change_type: str) -> None:
    assert severity("migrations", changed("m/1.py", kind="migration", change_type=change_type)) == "high"


def test_a_lock_file_alone_is_told_as_such() -> None:
    finding = found("dependencies", changed("uv.lock"))
    assert finding is not None
    assert finding.message == "1 file locks dependencies, and nothing that asks for other ones was changed."


def test_a_deleted_test_file_is_high() -> None:
    assert severity("deleted-tests", changed("tests/test_a.py", kind="test", change_type="deleted")) == "high"
    assert found("deleted-tests", changed("src/a.py", change_type="deleted")) is None


@pytest.mark.parametrize(
    "line",
    [
        "def test_a():",
        "    it('adds', () => {",
        "func TestA(t *testing.T) {",
        "    #[test]",
        "  @Test",
        "[Fact]",
        "test 'adds' do",
    ],
)
def test_fewer_tests_in_a_file_are_deleted_ones(line: str) -> None:
    assert severity("deleted-tests", changed("tests/a", removed=(line,), kind="test")) == "high"
    assert found("deleted-tests", changed("tests/a", line, removed=(line,), kind="test")) is None


@pytest.mark.parametrize(
    "line",
    [
        "@pytest.mark.skip(reason='later')",
        "@unittest.skipIf(True, '')",
        "  it.skip('adds', () => {",
        "describe.only('a', () => {",
        "  xit('adds', () => {",
        "\tt.Skip()",
        "    #[ignore]",
        "  @Disabled",
        '[Fact(Skip = "later")]',
        "$this->markTestSkipped();",
        "    skip 'later'",
    ],
)
def test_a_test_that_is_switched_off_is_high(line: str) -> None:
    assert severity("disabled-tests", changed("tests/a", line, kind="test")) == "high"
    assert found("disabled-tests", changed("tests/a", removed=(line,), kind="test")) is None
    assert found("disabled-tests", changed("src/a", line)) is None


@pytest.mark.parametrize("line", ["model.fit(data)", "skip = 3", "exit(1)", "items.skip(2)"])
def test_other_lines_of_tests_switch_nothing_off(line: str) -> None:
    assert found("disabled-tests", changed("tests/a", line, kind="test")) is None


def test_a_large_deletion_counts_what_was_not_added_again() -> None:
    few = changed("a", additions=10, deletions=LARGE_DELETION_LINES + 9)
    assert found("large-deletions", few) is None
    assert severity("large-deletions", changed("a", additions=9, deletions=LARGE_DELETION_LINES + 9)) == "medium"


def test_many_deleted_files_are_a_large_deletion() -> None:
    files = [changed(f"{number}.py", change_type="deleted", deletions=1) for number in range(10)]
    assert severity("large-deletions", *files) == "medium"
    assert found("large-deletions", *files[:9]) is None


def test_a_generated_file_is_low_but_no_lock_file() -> None:
    assert severity("generated", changed("a_pb2.py", kind="generated")) == "low"
    assert found("generated", changed("uv.lock", kind="generated")) is None


@pytest.mark.parametrize(
    ("old", "new", "is_found"), [(None, "100755", 1), ("100644", "100755", 1), ("100755", "100755", 0)]
)
def test_what_becomes_executable_is_told(old: str | None, new: str, is_found: bool) -> None:
    assert (severity("executables", changed("a.sh", old_mode=old, new_mode=new)) == "medium") == bool(is_found)


@pytest.mark.parametrize(
    ("path", "target", "wanted"),
    [
        ("a", "b", "low"),
        ("x/a", "../b", "low"),
        ("a", "../b", "high"),
        ("a", "/etc/passwd", "high"),
        ("x/a", "b/../../../c", "high"),
        ("a", "..", "high"),
    ],
)
def test_a_link_that_leads_out_weighs_more(path: str, target: str, wanted: str) -> None:
    assert severity("symlinks", changed(path, target, old_mode=None, new_mode="120000")) == wanted


def test_a_submodule_is_medium() -> None:
    assert severity("submodules", changed("lib", old_mode=None, new_mode="160000")) == "medium"


def test_a_binary_file_is_low_unless_it_is_gone() -> None:
    assert severity("binaries", changed("a.png", is_binary=True)) == "low"
    assert found("binaries", changed("a.png", is_binary=True, change_type="deleted")) is None


def test_lines_that_nobody_looked_at_are_told() -> None:
    assert severity("unread", changed("a", additions=5)) == "low"
    assert found("unread", changed("a", "x", removed=("y",))) is None
    assert found("unread", changed("a.png", is_binary=True)) is None


def test_files_that_are_too_many_to_look_at_are_told() -> None:
    finding = found("unread", changed("a", "x"), more_files=7)
    assert finding is not None
    assert (finding.severity, finding.message) == ("medium", "7 files were not looked at: there are too many.")


def test_tests_that_failed_last_are_high() -> None:
    finding = found("failed-tests", tests=(ran("pytest", "failed", 2),))
    assert finding is not None
    assert (finding.severity, finding.message) == ("high", "Tests failed when they ran last: `pytest` (2 failed).")


@pytest.mark.parametrize(
    ("first", "then", "is_mended"),
    [
        ("pytest", "pytest", True),
        ("pytest -x tests/a.py", "pytest -q", True),
        ("pytest", "pytest tests/a.py", False),
        ("pytest tests/a.py", "pytest tests/b.py", False),
    ],
)
def test_tests_are_mended_by_a_run_of_no_fewer(first: str, then: str, is_mended: bool) -> None:
    finding = found("failed-tests", tests=(ran(first, "failed"), ran(then, "passed")))
    assert (finding is None) == is_mended


def test_tests_that_ran_elsewhere_mend_nothing() -> None:
    other = replace(ran("pytest", "passed"), cwd="/elsewhere")
    assert severity("failed-tests", tests=(ran("pytest", "failed"), other)) == "high"


def test_tests_that_fail_again_are_told_once() -> None:
    finding = found("failed-tests", tests=(ran("pytest", "failed", 3), ran("pytest", "failed", 2)))
    assert finding is not None
    assert finding.message == "Tests failed when they ran last: `pytest` (2 failed)."


def test_code_without_tests_run_is_medium() -> None:
    assert severity("untested", changed("a.py")) == "medium"
    assert found("untested", changed("a.py"), tests=(ran(),)) is None
    assert found("untested", changed("README.md", kind="docs")) is None


def test_failed_commands_are_low() -> None:
    finding = found("failed-commands", commands=3, failed_commands=1)
    assert finding is not None
    assert (finding.severity, finding.message) == ("low", "1 of 3 commands ended with an error.")


def test_work_without_asking_is_low() -> None:
    assert severity("unasked", is_asked=False) == "low"


@pytest.mark.parametrize("rule", RULES)
def test_of_nothing_a_rule_finds_nothing(rule: str) -> None:
    assert found(rule) is None


def test_the_gravest_are_told_first() -> None:
    risks = assess(
        Work(files=(changed("a.png", is_binary=True), changed("Dockerfile", kind="config"), changed(".env")))
    )
    assert [risk.severity for risk in risks] == ["high", "medium", "medium", "low"]


def test_a_rule_that_fails_costs_itself_only(caplog: pytest.LogCaptureFixture) -> None:
    def broken(work: Work) -> Finding | None:
        raise ValueError("broken")

    risks = assess(Work(is_asked=False), {"broken": broken, "unasked": RULES["unasked"]})
    told = "This rule could not be applied: look for yourself."
    assert risks == (
        Risk("broken", "medium", told, (), 0),
        Risk("unasked", "low", "The agent worked without asking (safe mode off).", (), 0),
    )
    assert "broken could not be applied" in caplog.text


def test_the_paths_of_a_risk_are_bounded_and_counted() -> None:
    files = tuple(changed(f"{number}/Dockerfile", kind="config") for number in range(MAX_PATHS + 5))
    (risk,) = assess(Work(files=files))
    assert (len(risk.paths), risk.files) == (MAX_PATHS, MAX_PATHS + 5)


HOSTILE = st.text(st.sampled_from("ab/.-_ é\n\0'\"=:({[@#"), max_size=60)


@given(HOSTILE.filter(bool), st.lists(HOSTILE, max_size=5), st.sampled_from(["source", "test", "migration", "docs"]))
def test_no_name_or_line_breaks_a_rule(path: str, lines: list[str], kind: str) -> None:
    file = changed(path, *lines, removed=tuple(lines), kind=kind, new_mode="120000", old_path=path)
    for find in RULES.values():
        find(Work(files=(file,)))


@pytest.mark.parametrize("piece", ["a", "/", ".", "eyJ", "-eyJ", "drop ", "password = ", "://a:", "it(", " "])
def test_a_line_without_end_takes_no_long_time(piece: str) -> None:
    lines = [piece * (2_000 // len(piece))] * 100
    work = Work(files=tuple(changed(piece * 1000, *lines, kind=kind) for kind in ("source", "test", "migration")))
    for find in RULES.values():
        find(work)


def test_the_page_tells_every_rule() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE)) == RULES.keys()
