"""`bin/manage install_agent`, with an npm that needs no registry."""

import json
import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from accounts.models import AuditEntry
from settings_params.availability import provider_state
from settings_params.installing import machines_configuration
from settings_params.models import AgentProvider
from settings_params.programs import find_program
from settings_params.providers import PROVIDERS
from settings_params.services.params import change_params
from tests.serving import wait_until
from tests.settings_params.conftest import Programs

BASE = Path(__file__).resolve().parents[2]
NPM = """
/usr/bin/env > {folder}/environment
echo "$@" >> {folder}/calls
/bin/mkdir -p node_modules/.bin .cache
echo '#!/bin/sh' > node_modules/.bin/claude-agent-acp
"""


@pytest.fixture
def agents(programs: Programs, settings: Settings, tmp_path: Path, db: None) -> Path:
    """Where agents are installed; the machine has a Node.js of today."""
    settings.HOME = tmp_path
    programs.install("node", "echo v24.1.0")
    programs.install("npm", NPM.format(folder=programs.folder))
    return tmp_path / "agents"


def call(*arguments: str) -> Any:
    """What the command says in JSON."""
    output = StringIO()
    call_command("install_agent", *arguments, "--json", stdout=output, stderr=StringIO())
    return json.loads(output.getvalue())


def calls(programs: Programs) -> list[str]:
    """The arguments of each call of npm."""
    path = programs.folder / "calls"
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.once
def test_the_pinned_version_is_installed_and_in_use(agents: Path, programs: Programs) -> None:
    pinned = PROVIDERS["claude"].package
    assert pinned is not None
    row = call("claude")
    assert (row["inUse"], row["installed"]) == (pinned.version, [pinned.version])
    assert calls(programs)[0].endswith(f"{pinned.name}@{pinned.version}")
    assert (agents / "claude" / pinned.version / "bin/claude-agent-acp").exists()


@pytest.mark.once
def test_install_scripts_do_not_run_and_nothing_is_shared_with_the_users_own_npm(
    agents: Path, programs: Programs
) -> None:
    call("claude")
    (said,) = calls(programs)
    assert "--ignore-scripts " in said
    assert f"--cache {agents}/claude/" in said


@pytest.mark.once
def test_the_machines_own_npm_keeps_its_configuration(agents: Path, programs: Programs) -> None:
    """With a --prefix it would look for its registry and certificates there."""
    call("claude")
    assert "prefix" not in calls(programs)[0]


@pytest.mark.once
def test_another_npm_is_given_the_configuration_of_the_machines(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "npmrc").touch()
    npm = programs.install("npm", f'[ "$*" = "config get globalconfig" ] && echo {tmp_path / "npmrc"}')
    assert machines_configuration(str(npm)) == ("--globalconfig", str(tmp_path / "npmrc"))
    (tmp_path / "npmrc").unlink()
    assert machines_configuration(str(npm)) == ()


@pytest.mark.once
def test_installers_get_no_variable_of_the_servers(
    agents: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_PROVIDERS_ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("npm_config_fetch_retries", "1")
    call("claude")
    environment = (programs.folder / "environment").read_text()
    assert ("sk-secret" in environment, "npm_config_fetch_retries=1" in environment) == (False, True)


@pytest.mark.once
def test_a_second_time_does_nothing(agents: Path, programs: Programs) -> None:
    assert call("claude") == call("claude")
    assert len(calls(programs)) == 1


@pytest.mark.once
def test_another_version_is_used_from_then_on_and_the_first_one_stays(agents: Path) -> None:
    call("claude")
    row = call("claude", "--version", "0.99.0")
    assert (row["inUse"], len(row["installed"])) == ("0.99.0", 2)


@pytest.mark.once
def test_an_installed_agent_is_found_before_one_in_the_path(agents: Path, programs: Programs) -> None:
    programs.install("claude-agent-acp", "echo 0.1.0")
    call("claude", "--version", "0.99.0")
    found = find_program(PROVIDERS["claude"])
    assert found is not None
    assert (found.version, found.path.is_relative_to(agents)) == ("0.99.0", True)


@pytest.mark.once
def test_an_installed_agent_is_known_with_its_version(agents: Path) -> None:
    call("claude", "--version", "0.99.0")
    assert AgentProvider.objects.get(key="claude").version == "0.99.0"
    assert "Install" not in " ".join(provider_state("claude").missing)


@pytest.mark.once
def test_an_agent_whose_node_is_gone_is_to_be_installed_anew(agents: Path, programs: Programs) -> None:
    call("claude")
    (programs.folder / "node").unlink()
    assert "bin/manage install_agent claude" in " ".join(provider_state("claude").missing)


@pytest.mark.once
def test_an_agent_that_lacks_nothing_is_enabled(agents: Path) -> None:
    assert call("claude")["enabled"] is False
    change_params({"providers.anthropic.api_key": "sk-x"}, actor=None, is_remote=False)
    assert call("claude", "--no-enable")["enabled"] is False
    assert call("claude")["enabled"] is True


@pytest.mark.once
def test_installing_and_removing_are_audited(agents: Path) -> None:
    call("claude", "--version", "0.99.0")
    call("claude", "--remove")
    assert AuditEntry.objects.get(action="agent_installed").detail == {"provider": "claude", "version": "0.99.0"}
    assert AuditEntry.objects.get(action="agent_removed").detail == {"provider": "claude", "versions": ["0.99.0"]}


@pytest.mark.once
def test_a_removed_agent_is_missing_again(agents: Path) -> None:
    call("claude")
    row = call("claude", "--remove")
    assert (row["inUse"], row["installed"], AgentProvider.objects.get(key="claude").version) == (None, [], None)


@pytest.mark.once
def test_one_version_is_removed_and_the_other_stays(agents: Path) -> None:
    call("claude", "--version", "0.99.0")
    call("claude", "--version", "0.98.0")
    row = call("claude", "--remove", "--version", "0.99.0")
    assert (row["inUse"], row["installed"]) == ("0.98.0", ["0.98.0"])


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        ("npm error code ENOTFOUND", "The registry was not reached: check the network, HTTPS_PROXY"),
        ("npm error code ETARGET", "The registry has no such version: choose another --version"),
        ("npm error code ENOSPC", "The disk is full"),
        ("npm error code E401", "The registry refuses this machine: give npm its login"),
    ],
)
@pytest.mark.once
def test_a_failure_tells_the_cure_and_leaves_nothing(agents: Path, programs: Programs, said: str, cure: str) -> None:
    programs.install("npm", f"echo {said}; exit 1")
    with pytest.raises(CommandError, match=cure):
        call("claude")
    assert [path.name for path in (agents / "claude").iterdir()] == [".lock"]


@pytest.mark.once
def test_a_package_without_the_program_is_not_taken(agents: Path, programs: Programs) -> None:
    programs.install("npm", "exit 0")
    with pytest.raises(CommandError, match="brings no program claude-agent-acp"):
        call("claude")
    assert find_program(PROVIDERS["claude"]) is None


@pytest.mark.parametrize("arguments", [["nobody"], ["script"], ["nobody", "--list"], ["--remove"]])
@pytest.mark.once
def test_what_cannot_be_installed_is_refused(agents: Path, arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=r"There is no agent|Name the agent"):
        call(*arguments)


@pytest.mark.parametrize("version", ["../0.99.0", "a b", ".hidden"])
@pytest.mark.once
def test_what_is_no_version_is_refused(agents: Path, programs: Programs, version: str) -> None:
    with pytest.raises(CommandError, match="is no version"):
        call("claude", "--version", version)
    assert calls(programs) == []


@pytest.mark.once
def test_the_list_names_every_agent_that_can_be_installed(agents: Path) -> None:
    assert [row["key"] for row in call()] == [each.key for each in PROVIDERS.values() if each.package]


@pytest.mark.plumbing
@pytest.mark.once
def test_what_a_killed_installation_left_is_not_used_and_is_swept_away(tmp_path: Path) -> None:
    agents, bin_folder = tmp_path / "agents", tmp_path / "bin"
    bin_folder.mkdir()
    programs = Programs(bin_folder)
    programs.install("node", "echo v24.1.0")
    programs.install("npm", f"{NPM.format(folder=bin_folder)}\n[ -e {bin_folder}/again ] || exec /bin/sleep 60")
    code = (
        "import sys; from pathlib import Path; from settings_params.installing import install; "
        "from settings_params.packages import npm; "
        "print(install(Path(sys.argv[1]), 'x', npm('x', '1.0'), 'claude-agent-acp', say=print).version)"
    )
    command = [sys.executable, "-c", code, str(agents)]
    environment = {**os.environ, "PATH": str(bin_folder)}
    killed = subprocess.Popen(command, cwd=BASE, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)
    wait_until(lambda: list(agents.glob("x/.1.0.*/node_modules/.bin/claude-agent-acp")) != [])
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (agents / "x/1.0").exists()
    (bin_folder / "again").touch()
    done = subprocess.run(command, cwd=BASE, env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines()[-1], list(agents.glob("x/.1.0*"))) == ("1.0", [])


@pytest.mark.plumbing
@pytest.mark.once
def test_the_scripts_of_a_python_agent_name_the_place_where_they_are(tmp_path: Path) -> None:
    from settings_params.installing import _move_scripts

    beside = tmp_path / ".1.0.abcd"
    (beside / "bin").mkdir(parents=True)
    (beside / "bin/agent").write_text(f"#!{beside}/bin/python\nimport agent\n")
    _move_scripts(beside)
    assert (beside / "bin/agent").read_text() == f"#!{tmp_path}/1.0/bin/python\nimport agent\n"
