"""What cannot be sandboxed safely is refused before anything starts."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from runs.execution.sandbox.errors import SandboxSpecInvalid
from runs.execution.sandbox.mounts import mount_arguments
from runs.execution.sandbox.spec import SandboxSpec, minimal_environment

pytestmark = pytest.mark.plumbing

GOOD: dict[str, Any] = {
    "work_tree": Path("/data/tree"),
    "home": Path("/data/home"),
    "command": ("true",),
    "environment": {},
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"command": ()},
        {"command": ("a\0b",)},
        {"environment": {"LD_PRELOAD": "/evil.so"}},
        {"environment": {"LD_LIBRARY_PATH": "/evil"}},
        {"environment": {"GLIBC_TUNABLES": "x"}},
        {"environment": {"A=B": "x"}},
        {"environment": {"": "x"}},
        {"environment": {"a.b": "x"}},
        {"environment": {"A": "x\0y"}},
        {"work_tree": Path("relative")},
        {"home": Path("/")},
        {"read_only": (Path("/usr/../etc"),)},
        {"hidden": (Path("/"),)},
        {"uid": 0},
        {"gid": 0},
        {"uid": -1},
    ],
    ids=str,
)
def test_an_unsafe_spec_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SandboxSpecInvalid):
        SandboxSpec(**(GOOD | wrong))


def test_a_refused_environment_is_named_without_its_value() -> None:
    with pytest.raises(SandboxSpecInvalid) as caught:
        SandboxSpec(**(GOOD | {"environment": {"LD_PRELOAD": "secret-value"}}))

    assert "LD_PRELOAD" in str(caught.value)
    assert "secret-value" not in str(caught.value)


def test_the_root_is_never_bound() -> None:
    words = mount_arguments(SandboxSpec(**GOOD))
    bound = {source for option, source in itertools.pairwise(words) if option in ("--bind", "--ro-bind")}

    assert not bound & {"/", "/etc", "/home", "/root", "/var", "/run", "/sys"}


def test_a_hidden_folder_that_nobody_would_see_is_not_named() -> None:
    spec = SandboxSpec(**(GOOD | {"hidden": (Path("/data"), Path("/var"))}))

    assert "/var" not in mount_arguments(spec)


def test_outer_paths_are_mounted_before_inner_ones() -> None:
    spec = SandboxSpec(**(GOOD | {"read_only": (Path("/data/home/agent"), Path("/data"))}))
    words = mount_arguments(spec)

    assert words.index("/data") < words.index("/data/home") < words.index("/data/home/agent")


def test_the_minimal_environment_keeps_temporary_files_in_the_home() -> None:
    environment = minimal_environment(Path("/data/home"))

    assert (environment["HOME"], environment["TMPDIR"]) == ("/data/home", "/data/home/tmp")
