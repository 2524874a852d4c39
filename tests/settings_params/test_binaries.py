"""Programs are found and asked for their version, without harm from what they do."""

import os
import time
from pathlib import Path

import pytest

from settings_params.binaries import Version, ask_version, find_binary
from tests.processes import is_over
from tests.serving import wait_until
from tests.settings_params.conftest import Programs

pytestmark = pytest.mark.plumbing


def test_a_program_is_found_in_the_path(programs: Programs) -> None:
    path = programs.install("agent", "echo 1.2.3")
    found = find_binary("agent")
    assert found is not None
    assert found.path == path


def test_a_program_that_is_not_there_is_not_found(programs: Programs) -> None:
    assert find_binary("agent") is None


def test_a_file_that_cannot_be_run_is_not_found(programs: Programs) -> None:
    programs.install("agent", "echo 1.2.3").chmod(0o600)
    assert find_binary("agent") is None


def test_a_program_that_is_installed_anew_has_another_fingerprint(programs: Programs) -> None:
    programs.install("agent", "echo 1.2.3")
    before = find_binary("agent")
    programs.install("agent", "echo 1.2.34")
    assert find_binary("agent") != before


@pytest.mark.parametrize(
    ("script", "version"),
    [
        ("echo 1.2.3", Version("1.2.3")),
        ("echo agent v0.16.0-beta.1 and more", Version("0.16.0-beta.1")),
        ("echo hello", Version(None)),
        ("echo 1.2.3 >&2", Version(None)),
        ("printf '\\377\\000 7.8'", Version("7.8")),
        ("exit 3", Version(None, has_failed=True)),
        ('[ "$1" = --version ] && echo 5.5', Version("5.5")),
    ],
)
def test_what_a_program_says_of_itself(programs: Programs, script: str, version: Version) -> None:
    assert ask_version(programs.install("agent", script), 10) == version


def test_a_program_that_cannot_be_started_has_failed(programs: Programs) -> None:
    path = programs.install("agent", "")
    path.write_text("#!/no/such/interpreter\n")
    assert ask_version(path, 10) == Version(None, has_failed=True)


def test_a_program_sees_nothing_of_the_servers_environment(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_PROVIDERS_OPENAI_API_KEY", "sk-the-secret")
    ask_version(programs.install("agent", f"set > {tmp_path}/seen; pwd >> {tmp_path}/seen; echo 1.0"), 10)
    seen = (tmp_path / "seen").read_text()
    assert "sk-the-secret" not in seen
    assert os.environ["QUARTERDECK_HOME"] not in seen


def test_a_slow_program_is_ended_with_its_children(programs: Programs, tmp_path: Path) -> None:
    path = programs.install("agent", f"/bin/sleep 300 & echo $! > {tmp_path}/child; wait")
    began = time.monotonic()
    assert ask_version(path, 3) == Version(None)
    assert time.monotonic() - began < 10
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: is_over(child))


def test_a_child_that_stays_behind_with_the_output_open_does_not_hold_us_up(programs: Programs) -> None:
    path = programs.install("agent", "/bin/sleep 300 & echo 1.0")
    began = time.monotonic()
    assert ask_version(path, 20) == Version("1.0")
    assert time.monotonic() - began < 10


def test_endless_output_is_cut(programs: Programs) -> None:
    assert ask_version(programs.install("agent", "echo 1.0; while :; do echo x; done"), 0.3) == Version(None)
