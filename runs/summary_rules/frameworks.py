"""Which test framework a command runs, by its words alone. A runner of any framework is told by its own name."""

from collections.abc import Sequence

from runs.summary_rules import runners

MAX_WORDS = 200


def framework_of(words: Sequence[str]) -> str | None:
    """The framework that these words of one simple command run; None where they run no tests."""
    return _find(list(words[:MAX_WORDS]))


def _find(words: list[str]) -> str | None:
    words = _unwrapped(words)
    if not words:
        return None
    program = _name(words[0])
    if program in runners.CONTAINERS:
        return _in_a_container(words)
    for look in (_python, _node, _build_tool, _subcommand):
        found = look(program, words)
        if found:
            return found
    return runners.PROGRAMS.get(program) or _script(words[0])


def _name(word: str) -> str:
    return word.rpartition("/")[2].removesuffix(".exe").removesuffix(".cmd").removesuffix(".bat")


def _unwrapped(words: list[str]) -> list[str]:
    """Without assignments, and programs that only run another one."""
    while words:
        program = _name(words[0])
        if runners.ASSIGNMENT.fullmatch(words[0]) or (program in runners.WRAPPERS and not _runs_itself(program, words)):
            words = _after_options(words[1:])
        elif program in runners.TAKES_A_NUMBER:
            words = _after_options(words[1:])[1:]
        elif len(words) > 2 and f"{program} {words[1]}" in runners.RUNNERS and not runners.SCRIPT.fullmatch(words[2]):
            words = _after_options(words[2:], keep=("-m",))
        else:
            break
    return words


def _runs_itself(program: str, words: Sequence[str]) -> bool:
    """`node --test` is a framework of its own."""
    return program == "node" and any(word.startswith("--test") for word in words)


def _after_options(words: list[str], keep: tuple[str, ...] = ()) -> list[str]:
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] not in keep:
        at += 1
    return words[at:]


def _in_a_container(words: list[str]) -> str | None:
    """What `docker compose run web pytest` runs: the first words that run tests."""
    if not {"run", "exec"} & set(words[:6]):
        return None
    start = next(at for at, word in enumerate(words) if word in ("run", "exec")) + 2
    rest = words[start : start + 20]
    return next((found for at in range(len(rest)) if (found := _find_plain(rest[at:]))), None)


def _find_plain(words: list[str]) -> str | None:
    return None if _name(words[0]) in runners.CONTAINERS else _find(words)


def _python(program: str, words: list[str]) -> str | None:
    """`python -m pytest`, `python manage.py test`, `-m pytest` after `coverage run`."""
    if program == "-m" and len(words) > 1:
        return runners.PYTHON_MODULES.get(words[1])
    if runners.PYTHON.fullmatch(program) is None:
        return None
    for at, word in enumerate(words[1:], 1):
        if word == "-m":
            return runners.PYTHON_MODULES.get(words[at + 1]) if at + 1 < len(words) else None
        if not word.startswith("-"):
            return _find(words[at:])
    return None


def _node(program: str, words: list[str]) -> str | None:
    """`npm test`, `npm run test:unit`, `yarn jest`, `node --test`."""
    if program == "node":
        return "node" if any(word.startswith("--test") for word in words) else None
    if program not in runners.NODE_MANAGERS:
        return None
    rest = [word for word in words[1:] if not word.startswith("-")]
    if program == "bun" and rest[:1] == ["test"]:
        return "bun"
    if program == "npm" and rest[:1] in (["t"], ["tst"], ["install-test"]):
        return "npm"
    at = 1 if rest[:1] in (["run"], ["run-script"], ["workspace"]) else 0
    named = rest[at : at + 1]
    return "npm" if named and runners.SCRIPT.fullmatch(named[0]) else runners.PROGRAMS.get(named[0]) if named else None


def _build_tool(program: str, words: list[str]) -> str | None:
    if program in runners.MAVEN:
        is_skipped = any(word.startswith(("-DskipTests", "-Dmaven.test.skip")) for word in words)
        return "maven" if runners.MAVEN_GOALS & set(words[1:]) and not is_skipped else None
    if program in runners.GRADLE:
        return "gradle" if any(runners.GRADLE_TASK.fullmatch(word) for word in words[1:]) else None
    return "nox" if program == "nox" else None


def _subcommand(program: str, words: list[str]) -> str | None:
    rest = [word for word in words[1:] if not word.startswith(("-", "+"))]
    return next((found for word in rest[:3] if (found := runners.SUBCOMMANDS.get(f"{program} {word}"))), None)


def _script(word: str) -> str | None:
    """A script of the project's own: `./run_tests.sh`, `bin/test`, `manage.py` without its `python` is elsewhere."""
    return "script" if "/" in word and runners.TEST_SCRIPT.fullmatch(word.rpartition("/")[2]) else None
