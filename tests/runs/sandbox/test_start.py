"""Ordinary work in a sandbox: what an honest agent needs is there, and the server learns how it went."""

import asyncio
import json
import os
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from runs.execution.sandbox.errors import SandboxFailed
from runs.execution.sandbox.ownership import give_to
from runs.execution.sandbox.process import start
from runs.execution.sandbox.spec import NOBODY, Limits, SandboxSpec
from runs.execution.sandbox.support import SandboxSupport
from tests.runs.sandbox.making import PYTHON, Maker

pytestmark = pytest.mark.plumbing


async def outcome(spec: SandboxSpec, support: SandboxSupport, given: bytes = b"") -> tuple[int, str, str]:
    async with await start(spec, support) as process:
        process.stdin.write(given)
        process.stdin.close()
        stdout, stderr, code = await asyncio.gather(process.stdout.read(), process.stderr.read(), process.wait())
    return code, stdout.decode(), stderr.decode()


async def test_the_command_starts_in_the_work_tree_and_may_write_there(make: Maker, support: SandboxSupport) -> None:
    code, said, _ = await outcome(make.shell("pwd; echo new > file; cat file"), support)

    assert (code, said.split()) == (0, [str(make.work_tree), "new"])
    assert (make.work_tree / "file").read_text() == "new\n"


async def test_home_and_the_temporary_folder_are_the_runs_own(make: Maker, support: SandboxSupport) -> None:
    code, said, _ = await outcome(make.shell('cd && pwd && touch seen && mktemp && echo "$TMPDIR"'), support)

    home, temporary, named = said.split()
    assert (code, home, named) == (0, str(make.home), str(make.home / "tmp"))
    assert Path(temporary).parent == make.home / "tmp"
    assert (make.home / "seen").exists()


async def test_the_environment_is_exactly_what_was_given(make: Maker, support: SandboxSupport) -> None:
    _, said, _ = await outcome(make("/usr/bin/env", environment={"ONE": "1", "TWO": "a b"}), support)

    of_a_shell = ("SHLVL=", "_=")  # where /bin/sh is bash
    given = {line for line in said.splitlines() if not line.startswith(of_a_shell)}
    assert given == {"ONE=1", "TWO=a b", f"PWD={make.work_tree}"}


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)])
async def test_the_exit_code_or_signal_is_reported(
    make: Maker, support: SandboxSupport, script: str, code: int
) -> None:
    assert (await outcome(make.shell(script), support))[0] == code


async def test_stdin_stdout_and_stderr_are_three_streams(make: Maker, support: SandboxSupport) -> None:
    code, said, complained = await outcome(make.shell("cat; echo bad >&2"), support, b"given")

    assert (code, said, complained) == (0, "given", "bad\n")


async def test_a_line_of_ten_mebibytes_comes_through(make: Maker, support: SandboxSupport) -> None:
    size = 10 * 1024**2
    async with await start(make.python(f"print('x' * {size})"), support) as process:
        assert len(await process.stdout.readline()) == size + 1


async def test_the_servers_python_runs_with_its_packages(make: Maker, support: SandboxSupport) -> None:
    code, said, complained = await outcome(make.python("import ssl, json, sqlite3; print(json.dumps(1))"), support)

    assert (code, said) == (0, "1\n"), complained


async def test_localhost_has_a_name(make: Maker, support: SandboxSupport) -> None:
    _, said, _ = await outcome(make.python("import socket; print(socket.gethostbyname('localhost'))"), support)

    assert said == "127.0.0.1\n"


def throw_away_git_dir(make: Maker, objects_of: Path) -> None:
    """What the executor makes: a git dir in the run home that borrows the server's objects."""
    private = make.home / "git"
    for folder in (objects_of, private):
        subprocess.run(["git", "init", "-q", "--bare", folder], check=True)
    (private / "objects/info/alternates").write_text(f"{objects_of / 'objects'}\n")
    subprocess.run(["git", "-C", private, "config", "core.bare", "false"], check=True)
    (make.work_tree / ".git").write_text(f"gitdir: {private}\n")
    if os.geteuid() == 0:
        give_to([make.home, make.work_tree], NOBODY, NOBODY)


async def test_git_works_in_a_throw_away_git_dir_over_read_only_objects(
    make: Maker, support: SandboxSupport, tmp_path: Path
) -> None:
    throw_away_git_dir(make, tmp_path / "repository.git")
    script = "echo a > a && git add a && git -c user.name=A -c user.email=a@b.c commit -qm first && git log --format=%s"
    read_only = (tmp_path / "repository.git/objects",)

    code, said, complained = await outcome(make.shell(script, read_only=read_only), support)

    assert (code, said) == (0, "first\n"), complained


async def test_two_sandboxes_of_one_uid_do_not_share_the_process_limit(make: Maker, support: SandboxSupport) -> None:
    limits = Limits(processes=30)
    crowd = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 600 & done; echo up; wait"
    async with await start(make.shell(crowd, limits=limits), support) as first:
        assert await first.stdout.readline() == b"up\n"
        async with await start(make.shell(crowd, limits=limits), support) as second:
            assert await second.stdout.readline() == b"up\n"


async def test_a_hidden_folder_shows_only_what_was_bound_inside(
    make: Maker, support: SandboxSupport, tmp_path: Path
) -> None:
    hidden, shown = tmp_path / "app/var", tmp_path / "app/var/objects"
    shown.mkdir(parents=True)
    for file in (tmp_path / "app/code", hidden / "secret", shown / "object"):
        file.write_text("x")
    program = f"import json, os; print(json.dumps([sorted(f) for _, _, f in os.walk({str(tmp_path / 'app')!r})]))"
    read_only = (tmp_path / "app", shown, *make.interpreter)

    code, said, complained = await outcome(make.python(program, read_only=read_only, hidden=(hidden,)), support)

    assert code == 0, complained
    assert json.loads(said) == [["code"], [], ["object"]]


async def test_a_hidden_file_is_empty(make: Maker, support: SandboxSupport, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    secret = tmp_path / "app/.env"
    secret.write_text("secret")
    spec = make.shell(f"cat {secret}; echo end", read_only=(tmp_path / "app",), hidden=(secret,))

    assert (await outcome(spec, support))[1] == "end\n"


async def test_without_setpriv_our_own_python_confines_as_well(make: Maker, support: SandboxSupport) -> None:
    bare = replace(support, setpriv=None)
    program = (
        "import os, resource; print(os.getuid() != 0, resource.getrlimit(resource.RLIMIT_NPROC)); "
        "print([line.split()[1] for line in open('/proc/self/status') if line.startswith(('Cap', 'NoNewPrivs'))])"
    )

    code, said, complained = await outcome(make.python(program, limits=Limits(processes=77)), bare)

    assert code == 0, complained
    assert said.splitlines() == ["True (77, 77)", str(["0" * 16] * 5 + ["1"])]


async def test_an_unknown_command_ends_with_a_complaint(make: Maker, support: SandboxSupport) -> None:
    code, _, complained = await outcome(make("/no/such/agent"), support)

    assert code != 0
    assert "/no/such/agent" in complained


async def test_a_path_that_does_not_exist_is_a_clear_failure(make: Maker, support: SandboxSupport) -> None:
    with pytest.raises(SandboxFailed, match="/no/such/installation"):
        await start(make.shell("true", read_only=(Path("/no/such/installation"),)), support)


async def test_what_is_shown_if_it_is_there_may_be_gone(make: Maker, support: SandboxSupport, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    there, gone = tmp_path / "app/there", tmp_path / "app/gone"
    there.write_text("x")
    spec = make.shell(f"cat {there}; echo; test -e {gone} || echo gone", read_only_if_there=(there, gone))

    assert (await outcome(spec, support))[:2] == (0, "x\ngone\n")


async def test_a_bwrap_that_vanished_is_a_clear_failure(make: Maker, support: SandboxSupport, tmp_path: Path) -> None:
    with pytest.raises(SandboxFailed, match="could not be started"):
        await start(make(PYTHON), replace(support, bwrap=tmp_path / "bwrap"))


async def test_a_bwrap_that_gives_up_is_a_clear_failure(make: Maker, support: SandboxSupport) -> None:
    with pytest.raises(SandboxFailed, match="could not be made"):
        await start(make(PYTHON), replace(support, bwrap=Path("/bin/false")))


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_no_descriptor_of_the_server_leaks_from_a_start(make: Maker, support: SandboxSupport) -> None:
    await outcome(make.shell("true"), support)
    before = descriptors()
    await outcome(make.shell("true"), support)

    assert descriptors() <= before


async def test_a_listener_of_the_server_is_not_inherited(make: Maker, support: SandboxSupport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        _, said, _ = await outcome(make.shell("ls -l /proc/self/fd"), support)

    assert said.count("socket:") <= 1  # stdin, where asyncio makes it a socket pair
