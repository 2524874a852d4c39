"""The shell that keeps what a command writes, for agents that do not tell it all."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from runs.execution.agents.dialect import CommandResult
from runs.execution.agents.output_files import open_output, read_exit_code
from runs.execution.agents.split_shell import shell_by_command, with_kept_files

pytestmark = [
    pytest.mark.plumbing,
    pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash"),
]


def kept(home: Path, command: str) -> tuple[str, str, int | None]:
    """What the shell keeps of a command that an agent starts."""
    (home / "shell").write_text(shell_by_command())
    process = subprocess.Popen(
        ["/bin/bash", "-c", command],
        env={"PATH": os.defpath, "HOME": str(home), "BASH_ENV": str(home / "shell")},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    process.wait(20)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    result = with_kept_files(CommandResult(), command)
    assert result.stdout_file is not None
    assert result.stderr_file is not None
    with open_output(home, result.stdout_file) as stdout, open_output(home, result.stderr_file) as stderr:
        return stdout.read().decode(), stderr.read().decode(), read_exit_code(home, result.exit_code_file)


@pytest.mark.parametrize(
    ("command", "outputs"),
    [
        ("echo out; echo err >&2; exit 3", ("out\n", "err\n", 3)),
        ("sleep 60 & echo on", ("on\n", "", 0)),
        ("printf '%s' \"ü 'x'\"\nfalse", ("ü 'x'", "", 1)),
        ("bash -c 'echo inner; exit 4'", ("inner\n", "", 4)),
        ("(exit 5)", ("", "", 5)),
    ],
)
def test_both_streams_and_the_exit_code_are_kept(
    tmp_path: Path, command: str, outputs: tuple[str, str, int | None]
) -> None:
    assert kept(tmp_path, command) == outputs


def test_the_same_command_again_replaces_what_was_kept(tmp_path: Path) -> None:
    command = "cd; cat state; echo x >> state"
    (tmp_path / "state").write_text("first\n")
    kept(tmp_path, command)
    assert kept(tmp_path, command) == ("first\nx\n", "", 0)


def test_only_commands_of_the_agent_are_kept(tmp_path: Path) -> None:
    kept(tmp_path, "bash -c 'echo inner'")
    assert len(list((tmp_path / ".quarterdeck/outputs").glob("*.stdout"))) == 1


def test_of_a_command_that_did_not_run_no_file_is_named() -> None:
    refused = CommandResult(reason="Refused.")
    assert with_kept_files(refused, "ls") == refused
