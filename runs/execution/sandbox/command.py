"""The argument list that runs a spec in bubblewrap; no value of the environment is ever part of it.

An ordinary user needs one bubblewrap. Root needs two: the outer one builds the file system while it can still reach
everything, then the uid is dropped, then the inner one makes a user namespace in which no other can be made. Dropping
the uid first does not work (interpreters lie under 0700 homes); never dropping it leaves every capability.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from runs.execution.interpreter import interpreter_folders
from runs.execution.sandbox.mounts import mount_arguments
from runs.execution.sandbox.resource_limits import resource_limits
from runs.execution.sandbox.spec import SandboxSpec

SCRIPTS = tuple(Path(__file__).with_name(name) for name in ("confine.py", "bridge.py", "closed_calls.py"))
NAMESPACES = ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup")
OWN_NETWORK = ("--unshare-net",)
OWN_USER_NAMESPACE = ("--unshare-user", "--disable-userns", "--cap-drop", "ALL")
# What dropping a uid takes, and no more: gone with it, before the agent's command is reached.
DROPPING_CAPABILITIES = ("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add",
                         "CAP_SETPCAP")  # fmt: skip
LIFETIME = ("--die-with-parent", "--new-session", "--hostname", "sandbox")

# Bubblewrap's processes each bind their life to their parent's only some time after they were forked. So the command
# waits inside: a server that dies meanwhile closes stdin, then the shell ends, and with it the sandbox.
READY, GO = b"ready\n", b"go\n"
GATE = ("/bin/sh", "-c", 'echo ready; read -r quarterdeck_gate && exec "$@"', "sh")


@dataclass(frozen=True)
class Tools:
    """The programs of a sandbox: ``setpriv`` of util-linux, or None for our Python in its place."""

    bwrap: Path
    setpriv: Path | None = None


def sandbox_command(spec: SandboxSpec, tools: Tools, *, is_root: bool, info_fd: int | None = None) -> tuple[str, ...]:
    """The full argument list; ``info_fd`` is where bubblewrap writes the pid of the namespace's first process.

    Inside, READY is written to stdout first, and the command starts when GO has been read from stdin.
    """
    information = () if info_fd is None else ("--info-fd", str(info_fd))
    mounts = mount_arguments(spec, _own_files(tools, is_root=is_root))
    work_tree = ("--chdir", str(spec.work_tree))
    command = (*GATE, *_confining(spec), *spec.command)
    bwrap = str(tools.bwrap)
    namespaces = NAMESPACES if spec.shares_network else (*NAMESPACES, *OWN_NETWORK)
    if not is_root:
        stages = (*OWN_USER_NAMESPACE, *namespaces, *LIFETIME, *information, *mounts, *work_tree, "--")
        return (bwrap, *stages, *command)
    outer = (*namespaces, *DROPPING_CAPABILITIES, *LIFETIME, *information, *mounts, "--")
    # A session of its own here too: an agent that signals its own group is not to end the inner bwrap, and so itself.
    inner = (*OWN_USER_NAMESPACE, "--die-with-parent", "--new-session", "--dev-bind", "/", "/", *work_tree, "--")
    return (bwrap, *outer, *_dropping(spec, tools), bwrap, *inner, *command)


def confine_command(spec: SandboxSpec, wishes: dict[str, object]) -> tuple[str, ...]:
    """Our own small Python in front of a command (see ``confine``)."""
    wishes = wishes | {"is_lc_ctype_given": "LC_CTYPE" in spec.environment}
    return (os.path.realpath(sys.executable), "-I", "-S", str(SCRIPTS[0]), json.dumps(wishes))


def _dropping(spec: SandboxSpec, tools: Tools) -> tuple[str, ...]:
    if tools.setpriv is None:
        return confine_command(spec, {"user": [spec.uid, spec.gid]})
    identity = ("--reuid", str(spec.uid), "--regid", str(spec.gid), "--clear-groups")
    return (str(tools.setpriv), *identity, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--")


def _confining(spec: SandboxSpec) -> tuple[str, ...]:
    limits = resource_limits(spec.limits, own_processes=1 if spec.bridges else 0)
    bridges = [(bridge.port, str(bridge.inside)) for bridge in spec.bridges]
    return confine_command(spec, {"limits": limits, "bridges": bridges, "is_sandboxed": True})


def _own_files(tools: Tools, *, is_root: bool) -> tuple[Path, ...]:
    """What the later stages need to see: our Python, and for a root server the inner bwrap with its libraries."""
    files = [*SCRIPTS, *interpreter_folders()]
    if is_root and not tools.bwrap.is_relative_to("/usr"):
        bundled_libraries = Path(f"{tools.bwrap.parent.parent}.libs")
        files += [path for path in (tools.bwrap, bundled_libraries) if path.exists()]
    return tuple(files)
