"""Prepares an attempt: row, work tree, branch name, the agent's home and Git dir. Safe to begin again at any point."""

import errno
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.utils.text import slugify

from config.api.params import read
from projects.git.agent_dir import create_agent_git_dir
from projects.models import Workspace
from projects.queries import commands_around
from projects.workspaces import agent_owner, lay_out_work_tree, open_repository
from runs.execution.agents.home_files import remove_file, write_files
from runs.execution.agents.profile import AgentProfile, ModelAccess, Setting
from runs.execution.errors import RunCannotGoOn
from runs.execution.logins import LentLogin
from runs.execution.profiles import profile_of
from runs.execution.sandbox.ownership import give_to
from runs.execution.sandbox.spec import GIBIBYTE, Limits, SandboxSpec, minimal_environment
from runs.known_secrets import redactor_of
from runs.models import Run, RunAttempt
from runs.queries import current_attempt
from settings_params.programs import installation_of


def prepare_attempt(run: Run) -> RunAttempt:
    """The attempt's row with its work tree laid out, as it was left when the run is taken up again."""
    attempt = current_attempt(run) or _new_attempt(run)
    workspace = workspace_of(attempt)
    work_tree = lay_out_work_tree(workspace)
    home = workspace.agent_home_path
    for folder in (home, home / "tmp"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = agent_owner()
    if owner is not None:
        give_to([home], owner.uid, owner.gid)
    if not attempt.session_id:
        create_agent_git_dir(home / "git", work_tree=work_tree, branch=attempt.branch)
    return attempt


def workspace_of(attempt: RunAttempt) -> Workspace:
    """Where the attempt's agent works; one that is being carried out has it."""
    if attempt.workspace is None:
        raise RuntimeError("an attempt always has a work space")
    return attempt.workspace


def _new_attempt(run: Run) -> RunAttempt:
    title = redactor_of(run).text(run.title)  # a branch's name goes to the remote
    branch = f"quarterdeck/run-{run.pk}-{run.attempt}-{slugify(title)[:40].strip('-') or 'run'}"
    base = run.project.head_commit or ""
    setup, teardown = commands_around(run.project)
    workspace, _ = Workspace.objects.get_or_create(
        project=run.project, name=f"run-{run.pk}-{run.attempt}", defaults={"branch": branch, "base_commit": base}
    )
    attempt, _ = RunAttempt.objects.get_or_create(
        run=run,
        number=run.attempt,
        defaults={
            "branch": workspace.branch,
            "base_commit": workspace.base_commit,
            "workspace": workspace,
            "setup_commands": setup,
            "teardown_commands": teardown,
        },
    )
    return attempt


def agent_setting(attempt: RunAttempt, *, access: ModelAccess | None, login: LentLogin | None = None) -> Setting:
    """Where the attempt's agent starts, and how it reaches its model."""
    workspace = workspace_of(attempt)
    return Setting(
        interpreter=sys.executable,
        installation=installation_of(attempt.run.selected_agent),
        home=workspace.agent_home_path,
        work_tree=workspace.work_tree_path,
        is_safe=attempt.run.safe_mode,
        access=access,
        login=login.content if login else None,
        model=login.model if login else None,
    )


def agent_spec(attempt: RunAttempt, profile: AgentProfile, setting: Setting) -> SandboxSpec:
    """The attempt's agent in its sandbox; its files must have been written."""
    return replace(
        command_spec(attempt, profile, setting, profile.command(setting)),
        environment={**minimal_environment(setting.home), **profile.environment(setting)},
    )


def command_spec(attempt: RunAttempt, profile: AgentProfile, setting: Setting, command: tuple[str, ...]) -> SandboxSpec:
    """A command that sees what the agent may see, and knows nothing of it: its tree and home, its own installation,
    the repository's objects read-only."""
    objects: Path = open_repository(workspace_of(attempt).project).objects
    return SandboxSpec(
        work_tree=setting.work_tree,
        home=setting.home,
        command=command,
        environment=minimal_environment(setting.home),
        read_only=(*profile.read_only(setting), objects),
        hidden=(Path(settings.HOME),),
        limits=sandbox_limits(),
    )


def write_agent_files(profile: AgentProfile, setting: Setting) -> None:
    """What the profile has for the run's home, given to the agent's user.

    RunCannotGoOn when the home resists, or when something in the tree keeps the agent from being safe.
    """
    obstacle = profile.obstacle(setting)
    if obstacle is not None:
        raise RunCannotGoOn("agent-unsafe-here", obstacle)
    files: dict[str, str | bytes] = {**profile.files(setting)}
    if setting.login is not None and profile.login_file is not None:
        files[profile.login_file] = setting.login
    write_into_home(setting.home, files)


def write_into_home(home: Path, files: Mapping[str, str | bytes], *, mode: int = 0o600) -> None:
    """Given to the agent's user. RunCannotGoOn when the home resists."""
    owner = agent_owner()
    try:
        write_files(home, files, (owner.uid, owner.gid) if owner else None, mode=mode)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise RunCannotGoOn(
            "agent-home-unusable",
            f"The agent's files could not be written into its home ({error.strerror}): what ran there before has "
            "changed it. Retry the run on a new branch.",
        ) from error


def remove_login(attempt: RunAttempt) -> None:
    """An agent's own login does not stay in the run's home, whoever wrote it. Its processes must have ended."""
    with suppress(OSError, RunCannotGoOn):
        file = profile_of(attempt.run.selected_agent).login_file
        if file is not None:
            remove_file(workspace_of(attempt).agent_home_path, file)


def sandbox_limits() -> Limits:
    """What one sandbox may use, as the params say."""
    return Limits(
        memory_bytes=_bytes("sandbox.memory_gb"),
        processes=read("sandbox.processes"),
        open_files=read("sandbox.open_files"),
        file_size_bytes=_bytes("sandbox.file_gb"),
        tmpfs_bytes=_bytes("sandbox.tmp_gb"),
        disk_bytes=_bytes("sandbox.disk_gb"),
    )


def _bytes(key: str) -> int:
    return int(read(key) * GIBIBYTE)
