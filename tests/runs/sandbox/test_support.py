"""Finding out whether a machine can sandbox, and saying what to do where it cannot."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from runs.execution.sandbox.command import Tools, sandbox_command
from runs.execution.sandbox.errors import SandboxUnavailable
from runs.execution.sandbox.process import start
from runs.execution.sandbox.support import SandboxSupport, probe, try_out
from tests.runs.sandbox.making import Maker
from tests.runs.sandbox.worker import CHECKOUT

pytestmark = pytest.mark.plumbing

PROBE = """
import json, sys
sys.path[:0] = %r
from runs.execution.sandbox.support import probe
found = probe()
print(json.dumps([found.kind, found.reason]))
"""


def test_the_probe_names_a_version_and_a_program(support: SandboxSupport) -> None:
    assert support.kind == "bubblewrap"
    assert support.version[0].isdigit()
    assert support.bwrap
    assert support.bwrap.is_file()


def test_the_second_probe_is_free() -> None:
    assert probe() is probe()


def test_a_program_that_does_not_sandbox_is_not_taken_for_one(support: SandboxSupport) -> None:
    assert try_out(Tools(Path("/bin/true")), is_root=support.is_root) == "it ended with code 0"


def test_a_missing_program_is_named() -> None:
    assert "/no/such/bwrap" in try_out(Tools(Path("/no/such/bwrap")), is_root=False)


async def test_where_namespaces_are_forbidden_the_reason_names_a_cure(make: Maker, support: SandboxSupport) -> None:
    packages = [path for path in map(str, map(Path, __import__("sys").path)) if "site-packages" in path]
    spec = make.python(PROBE % [str(CHECKOUT), *packages], read_only=(*make.interpreter, CHECKOUT / "runs"))
    async with await start(spec, support) as process:
        stdout, stderr, _ = await asyncio.gather(process.stdout.read(), process.stderr.read(), process.wait())

    kind, reason = json.loads(stdout or stderr.decode())
    assert kind == "unavailable"
    assert "Agents cannot be sandboxed" in reason
    assert "What helps" in reason


def test_tools_of_an_unavailable_sandbox_are_refused_with_the_reason() -> None:
    with pytest.raises(SandboxUnavailable, match="because"):
        SandboxSupport("unavailable", is_root=False, reason="because").tools()


@pytest.mark.parametrize("is_root", [True, False])
def test_no_value_of_the_environment_is_an_argument(make: Maker, support: SandboxSupport, is_root: bool) -> None:
    spec = make.shell("true", environment={"TOKEN": "very-secret"})

    assert "very-secret" not in " ".join(sandbox_command(spec, support.tools(), is_root=is_root))
    assert "very-secret" not in repr(spec)


def test_the_trial_leaves_no_folder(support: SandboxSupport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    began = time.monotonic()
    try_out(support.tools(), is_root=support.is_root)

    assert time.monotonic() - began < 5
    assert list(tmp_path.iterdir()) == []
