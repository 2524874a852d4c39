"""The scripts' set-up, run for real in small checkouts with two tiny wheels instead of the lock's (no network)."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.plumbing
ROOT = Path(__file__).resolve().parents[2]
PYTHON = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
TOOLS = ("sh", "sed", "cmp", "cat", "dirname", "readlink", "git", "env")
MANAGE = "import importlib.util as u, os, sys\nprint(u.find_spec('tinyone') is not None, os.getcwd(), *sys.argv[1:])\n"
PATIENCE_SECONDS = 120


def make_wheel(folder: Path, name: str, version: str = "1.0") -> str:
    """A wheel of one module; its line of the lock."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return f"{name}=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class Checkout:
    """A small checkout with the real scripts."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.wheels = folder / "check out", folder / "wheels"
        self.wheels.mkdir(parents=True)
        shutil.copytree(ROOT / "bin", self.folder / "bin", ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / "manage.py").write_text(MANAGE)
        self.write_lock(make_wheel(self.wheels, "tinyone"), make_wheel(self.wheels, "tinydev"))
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHON": PYTHON,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "UV_NO_CONFIG": "1",
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(self.wheels),
        }

    def write_lock(self, runtime: str, development: str) -> None:
        text = f"# header\n{runtime}# ---- development only ----\n{development}"
        (self.folder / "requirements.lock").write_text(text)

    def command(self, script: str = "manage", *arguments: str) -> list[str]:
        return [str(self.folder / "bin" / script), *arguments]

    def run(self, *arguments: str, script: str = "manage", **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(script, *arguments),
            cwd=self.folder.parent,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def set_up_everything(self) -> "subprocess.CompletedProcess[str]":
        program = f'root="{self.folder}"; . "$root/bin/environment.sh"; set_up all'
        return subprocess.run(
            ["sh", "-euc", program], env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )

    def has(self, module: str) -> bool:
        return bool(list(self.folder.glob(f".venv/lib/python*/site-packages/{module}.py")))

    def stamp(self) -> tuple[int, str]:
        path = self.folder / ".venv/installed-runtime"
        return path.stat().st_mtime_ns, path.read_text()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout that is set up already; its tests change nothing."""
    made = Checkout(tmp_path_factory.mktemp("ready"))
    done = made.run()
    assert done.returncode == 0, done.stderr
    return made


def tools_folder(folder: Path, *left_out: str) -> Path:
    """A PATH of only the named system tools, without any Python."""
    tools = folder / "tools"
    tools.mkdir()
    for name in set(TOOLS) - set(left_out):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    return tools


def test_the_first_call_sets_up_and_the_program_runs_in_the_callers_folder(checkout: Checkout) -> None:
    done = checkout.run("migrate", "--plan")
    assert (done.returncode, done.stdout) == (0, f"True {checkout.folder.parent} migrate --plan\n")


def test_the_second_call_is_silent_and_changes_nothing(ready: Checkout) -> None:
    before = ready.stamp()
    assert (ready.run().stderr, ready.stamp()) == ("", before)


def test_set_up_writes_nothing_to_standard_output(checkout: Checkout) -> None:
    assert checkout.run().stdout.count("\n") == 1


def test_a_script_works_through_a_symlink(ready: Checkout, tmp_path: Path) -> None:
    link = tmp_path / "quarterdeck"
    link.symlink_to(ready.folder / "bin/manage")
    done = subprocess.run(
        [link, "check"], cwd=tmp_path, env=ready.environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"True {tmp_path} check\n"


def test_the_callers_python_settings_do_not_reach_the_program(ready: Checkout, tmp_path: Path) -> None:
    (tmp_path / "tinyone.py").write_text("raise SystemExit('shadowed')")
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('customized')")
    done = ready.run(PYTHONPATH=str(tmp_path), PYTHONDONTWRITEBYTECODE="1", PYTHONHOME="/nonexistent")
    assert (done.returncode, done.stdout.split()[0]) == (0, "True")


def test_serve_makes_a_relative_home_absolute_before_it_changes_folder(ready: Checkout) -> None:
    (ready.folder / "config").mkdir(exist_ok=True)
    (ready.folder / "config/serve.py").write_text(
        "import os, sys; print(os.environ['QUARTERDECK_HOME'], *sys.argv[1:])"
    )
    done = ready.run("--port", "1", script="serve", QUARTERDECK_HOME="data")
    assert done.stdout == f"{ready.folder.parent}/data --port 1\n"


def test_the_server_gets_the_runtime_part_only(ready: Checkout) -> None:
    assert (ready.has("tinyone"), ready.has("tinydev")) == (True, False)


def test_everything_is_installed_over_the_runtime_part(checkout: Checkout) -> None:
    checkout.run()
    checkout.set_up_everything()
    assert (checkout.has("tinyone"), checkout.has("tinydev")) == (True, True)


def test_the_server_is_content_with_an_environment_of_everything(checkout: Checkout) -> None:
    checkout.set_up_everything()
    assert checkout.run().stderr == ""


def test_installed_modules_are_compiled_already(ready: Checkout) -> None:
    assert list(ready.folder.glob(".venv/lib/python*/site-packages/__pycache__/tinyone.*.pyc"))


def test_a_wrong_hash_is_refused_with_the_installers_words(checkout: Checkout) -> None:
    checkout.write_lock("tinyone==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n", "")
    done = checkout.run()
    assert (done.returncode, done.stdout) == (1, "")
    assert "the packages could not be installed" in done.stderr
    assert "0" * 64 in done.stderr


def test_after_a_failed_set_up_the_next_call_tries_again(checkout: Checkout) -> None:
    lock = checkout.folder / "requirements.lock"
    good = lock.read_text()
    checkout.write_lock("tinyone==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n", "")
    checkout.run()
    lock.write_text(good)
    assert checkout.run().returncode == 0


def test_a_new_lock_updates_the_environment_in_place(checkout: Checkout) -> None:
    checkout.run()
    made = (checkout.folder / ".venv/pyvenv.cfg").stat().st_mtime_ns
    checkout.write_lock(make_wheel(checkout.wheels, "tinyone", "2.0"), "")
    checkout.run()
    assert (checkout.folder / ".venv/pyvenv.cfg").stat().st_mtime_ns == made
    assert list(checkout.folder.glob(".venv/lib/python*/site-packages/tinyone-2.0.dist-info"))


def test_a_moved_checkout_gets_a_new_environment(checkout: Checkout) -> None:
    checkout.run()
    moved = checkout.folder.with_name("moved")
    checkout.folder.rename(moved)
    checkout.folder = moved
    done = checkout.run()
    assert (done.returncode, f"setting up {moved}/.venv" in done.stderr) == (0, True)


def test_two_first_calls_at_once_set_up_once(checkout: Checkout) -> None:
    started = [
        subprocess.Popen(checkout.command(), env=checkout.environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    errors = [process.communicate(timeout=PATIENCE_SECONDS)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert b"".join(errors).count(b"setting up") == 1


def test_a_set_up_killed_in_the_middle_is_begun_anew(checkout: Checkout) -> None:
    process = subprocess.Popen(
        checkout.command(), env=checkout.environment, start_new_session=True, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not list(checkout.folder.glob(".venv/lib/python*/site-packages/*")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = checkout.run()
    assert (done.returncode, done.stdout.split()[0]) == (0, "True")


def test_it_works_without_a_home(checkout: Checkout) -> None:
    del checkout.environment["HOME"]
    assert checkout.run().returncode == 0


def test_a_shim_that_only_complains_is_passed_over(checkout: Checkout, tmp_path: Path) -> None:
    tools = tools_folder(tmp_path)
    shim = tools / "python3.14"
    shim.write_text("#!/bin/sh\necho 'not installed here' >&2\nexit 127\n")
    shim.chmod(0o755)
    (tools / "python3").symlink_to(PYTHON)
    del checkout.environment["PYTHON"]
    done = checkout.run(PATH=str(tools))
    assert (done.returncode, "not installed here" in done.stderr) == (0, False), done.stderr


def test_without_a_python_the_message_says_what_to_install(checkout: Checkout, tmp_path: Path) -> None:
    del checkout.environment["PYTHON"]
    done = checkout.run(PATH=str(tools_folder(tmp_path)))
    assert (done.returncode, "needs Python 3.11 or newer with venv and pip" in done.stderr) == (1, True)


def test_a_named_python_that_does_not_work_is_an_error(checkout: Checkout) -> None:
    done = checkout.run(PYTHON="/nonexistent/python")
    assert (done.returncode, "PYTHON=/nonexistent/python is not" in done.stderr) == (1, True)


def test_without_git_the_message_says_so(checkout: Checkout, tmp_path: Path) -> None:
    done = checkout.run(PATH=str(tools_folder(tmp_path, "git")))
    assert (done.returncode, "needs git on the PATH" in done.stderr) == (1, True)


def test_a_checkout_that_cannot_be_written_is_named(checkout: Checkout) -> None:
    (checkout.folder / ".venv.lock").mkdir()
    done = checkout.run()
    assert (done.returncode, f"cannot set up {checkout.folder}/.venv" in done.stderr) == (1, True)


def test_the_lock_pins_every_requirement_by_hash() -> None:
    text = (ROOT / "requirements.lock").read_text()
    pins = [line for line in text.splitlines() if line and line[0] not in "# "]
    assert all("==" in line and line.endswith("\\") for line in pins)


def test_the_lock_names_no_address() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text()
