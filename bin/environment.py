"""Makes a virtual environment from one part of requirements.lock; it needs only the standard library and a lock file.

Called by environment.sh: `environment.py FOLDER runtime|all`. Safe to kill (the stamp is written last, an
environment without one is made anew) and to start twice (the second waits, then finds nothing to do).
Uses uv when it is on the PATH, else pip; both with the caller's own environment and configuration.
"""

import fcntl
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
MARKER = "# ---- development only"
SHOWN_LINES = 25


class SetUpFailed(Exception):
    """The environment could not be made; the message tells the user what to do."""


def say(text: str) -> None:
    """One line to the user; standard output belongs to the script's own program."""
    print(f"quarterdeck: {text}", file=sys.stderr, flush=True)


def part_of_lock(part: str) -> str:
    """The pinned requirements of `runtime` or `all`, as environment.sh cuts them."""
    text = LOCK.read_text()
    return text if part == "all" else text.partition(MARKER)[0]


def stamp_text(folder: Path, part: str) -> str:
    """What a stamp of a complete environment says; environment.sh compares it byte for byte."""
    return f"{folder}\n{base_interpreter()}\n{part_of_lock(part)}"


def base_interpreter() -> str:
    """The interpreter behind this one, whichever link or environment it was started through."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def is_current(folder: Path, part: str) -> bool:
    """Whether the stamp of this part, or of all, was made from the same lock, place and interpreter."""
    stamps = {name: folder / f"installed-{name}" for name in (part, "all")}
    return any(path.is_file() and path.read_text() == stamp_text(folder, name) for name, path in stamps.items())


def is_reusable(folder: Path) -> bool:
    """Whether a complete environment of this place and interpreter is there, so that only packages change."""
    for stamp in folder.glob("installed-*"):
        if stamp.read_text().splitlines()[:2] == [str(folder), base_interpreter()]:
            return (folder / "bin/python").exists()
    return False


def run(command: list[str], log: Path, lock: int) -> bool:
    """Run an installer with its output in the log. It inherits the lock: a second set-up waits for it too."""
    with log.open("ab") as output:
        done = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[lock], check=False
        )
    return done.returncode == 0


def make_environment(folder: Path, log: Path, lock: int) -> None:
    """An empty environment in `folder`, whatever was there before."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise SetUpFailed(f"cannot remove the old {folder}. Delete it and start again.")
    if not run([base_interpreter(), "-I", "-m", "venv", "--without-pip", str(folder)], log, lock):
        raise SetUpFailed(f"cannot make a virtual environment in {folder}:\n{tail(log)}")


def pip_command(folder: Path, log: Path, lock: int) -> list[str] | None:
    """The pip that installs: the interpreter's own where it can, else one that ensurepip puts into the environment.

    The first saves several seconds; before pip 22.3 there was no `--python`.
    """
    python = str(folder / "bin/python")
    if importlib.util.find_spec("pip") and pip_version() >= (22, 3):
        return [base_interpreter(), "-I", "-m", "pip", "--python", python]
    if importlib.util.find_spec("ensurepip") and run([python, "-I", "-m", "ensurepip"], log, lock):
        return [python, "-I", "-m", "pip"]
    return None


def pip_version() -> tuple[int, ...]:
    """The first two numbers of the interpreter's pip."""
    return tuple(int(part) for part in importlib.metadata.version("pip").split(".")[:2])


def install(folder: Path, requirements: Path, log: Path, lock: int) -> None:
    """Install the pinned requirements by uv, or by pip where uv is missing or fails (it reads no pip configuration)."""
    # The lock is whole: without --no-deps, pip asks for `coverage[toml]` anew and takes a release newer than the pin.
    arguments = ["install", "--require-hashes", "--no-deps", "-r", str(requirements)]
    quiet = ["--no-input", "--no-user", "--disable-pip-version-check", "--progress-bar", "off"]
    uv = shutil.which("uv")
    python = str(folder / "bin/python")
    if uv and run([uv, "pip", *arguments, "--python", python, "--compile-bytecode"], log, lock):
        return
    pip = pip_command(folder, log, lock)
    if pip and run([*pip, *arguments, *quiet], log, lock):
        return
    raise SetUpFailed(
        f"the packages could not be installed. The end of what the installer said:\n\n{tail(log)}\n\n"
        "Check the network, the free disk space and the configuration of pip or uv, then start again."
    )


def tail(log: Path) -> str:
    """The last lines of the installers' output."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-SHOWN_LINES:])


def set_up(folder: Path, part: str, lock: int) -> None:
    """Make or bring up to date the environment, stamp last."""
    log = folder.with_name(f"{folder.name}.log")
    log.write_bytes(b"")
    reusable = is_reusable(folder)
    doing = "updating" if reusable else "setting up"
    say(f"{doing} {folder} with Python {sys.version.split()[0]} (about a minute) …")
    begun_at = time.monotonic()
    if reusable:
        for stamp in folder.glob("installed-*"):
            stamp.unlink()
    else:
        make_environment(folder, log, lock)
    requirements = folder / f"requirements-{part}.txt"
    requirements.write_text(part_of_lock(part))
    install(folder, requirements, log, lock)
    write_stamp(folder, part)
    log.unlink()
    say(f"set up in {time.monotonic() - begun_at:.0f} s")


def write_stamp(folder: Path, part: str) -> None:
    """Say, in one step, that the environment is complete."""
    made = folder / ".stamp"
    made.write_text(stamp_text(folder, part))
    made.replace(folder / f"installed-{part}")


def main() -> int:
    """Make the environment named by the arguments; the exit status."""
    folder, part = Path(sys.argv[1]), sys.argv[2]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_current(folder, part):
                set_up(folder, part, lock.fileno())
    except SetUpFailed as error:
        say(str(error))
    except OSError as error:
        say(f"cannot set up {folder}: {error.strerror} ({error.filename or folder}).")
    except KeyboardInterrupt:
        say("set-up interrupted; the next start begins it anew.")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
