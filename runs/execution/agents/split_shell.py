"""The shell of agents that merge, shorten or withhold what a command writes: bash keeps it whole below the run's home.

The text is sourced by every bash that an agent starts for a command (`BASH_ENV`), and by none that a command starts.
It names its files after the command itself, which is all that such a shell knows of its call.
"""

import hashlib
from dataclasses import replace

from .dialect import CommandResult

OUTPUTS = ".quarterdeck/outputs"
"""Where the files are, below the run's home."""
SHELL_FILE = ".quarterdeck/shell"
GIVEN = '"$BASH_EXECUTION_STRING"'
"""A command, in the words of the shell that was given it."""

# At its end it waits a moment for what is still on its way; what it left running is not waited for.
_TEXT = """\
unset BASH_ENV
if [ -n @KNOWN@ ] && mkdir -p "$HOME/@OUTPUTS@"; then
    quarterdeck_call=@NAME@
    quarterdeck_call="$HOME/@OUTPUTS@/$quarterdeck_call"
    rm -f "$quarterdeck_call.exit"
    exec 1> >(exec tee "$quarterdeck_call.stdout")
    quarterdeck_tees=$!
    exec 2> >(exec tee "$quarterdeck_call.stderr" >&2)
    quarterdeck_tees="$quarterdeck_tees $!"
    trap 'echo $? > "$quarterdeck_call.exit"
        exec 1>&- 2>&-
        for quarterdeck_wait in 1 2 3 4 5 6 7 8 9 10; do
            kill -0 $quarterdeck_tees || break
            sleep 0.02
        done' EXIT
fi
"""


def shell_by_command(command: str = GIVEN) -> str:
    """What is sourced where the files are named after the command, by digest(): ``command`` as in GIVEN."""
    name = f"$(printf %s {command} | sha256sum | cut -c 1-64)"
    return shell_by_name(GIVEN, name, OUTPUTS)


def shell_by_name(known: str, name: str, outputs: str) -> str:
    """What is sourced. ``name`` is a call's name, which there is where ``known`` is not empty, both in the words of the
    shell; ``outputs`` is a folder below the home."""
    return _TEXT.replace("@KNOWN@", known).replace("@NAME@", name).replace("@OUTPUTS@", outputs)


def digest(command: str) -> str:
    """The name of a command's files."""
    return hashlib.sha256(command.encode("utf-8", "surrogatepass")).hexdigest()


def with_kept_files(result: CommandResult, command: str) -> CommandResult:
    """The same, naming what the shell kept; as it was where the command did not run."""
    if result.reason:
        return result
    path = f"{OUTPUTS}/{digest(command)}"
    return replace(result, stdout_file=f"{path}.stdout", stderr_file=f"{path}.stderr", exit_code_file=f"{path}.exit")
