"""Every server param with its bounds, default and meaning. A param exists only with the code that reads it."""

from collections.abc import Mapping

from settings_params.code_params import DOCS_PARAMS, INDEX_PARAMS, RAG_PARAMS
from settings_params.commands import plain_command
from settings_params.params import (
    BoolParam,
    EnumParam,
    FloatParam,
    IntParam,
    ListParam,
    Param,
    SecretParam,
    StringParam,
    host_entry,
    page_address,
    web_origin,
)
from settings_params.provider_params import PROVIDER_PARAMS

_SAFETY = (
    BoolParam(
        key="safety.auto_git_push",
        default=False,
        description="Leave to push run branches at all. It never starts a push.",
    ),
    BoolParam(
        key="safety.safe_mode_default",
        default=True,
        description="Whether new projects let agents ask before they act.",
    ),
    ListParam(
        key="safety.command_allowlist",
        default=(),
        rule=plain_command,
        description="Commands that agents need not ask for in safe mode, each by its first words, such as `npm test`; "
        "a command with anything that a shell reads is never among them.",
    ),
    BoolParam(
        key="safety.allow_local_repositories",
        default=False,
        description="Leave to clone file:// addresses and local paths.",
        remote=False,
    ),
    BoolParam(
        key="safety.allow_private_hosts",
        default=False,
        description="Leave to reach hosts with private or loopback addresses.",
        remote=False,
    ),
    EnumParam(
        key="safety.network",
        default="none",
        choices=("none", "allowlist", "open"),
        description="What runs reach beside their model API: nothing, the hosts of safety.network_allowlist, "
        "or all that this machine reaches.",
        remote=False,
    ),
    ListParam(
        key="safety.network_allowlist",
        default=(),
        rule=host_entry,
        description="Hosts that runs reach where safety.network is allowlist: example.com, *.example.com for what lies "
        "below; ports 80 and 443, or example.com:PORT.",
    ),
    BoolParam(
        key="safety.allow_unsandboxed",
        default=False,
        description="Leave to run agents without a sandbox where bubblewrap cannot work: "
        "they can then do all that the server's user can.",
        remote=False,
    ),
)
_RUNS = (
    IntParam(
        key="runs.agent_output_mb",
        default=512,
        minimum=1,
        maximum=1_000_000,
        description="An agent that sends more than so many MiB from its start to its end is ended: it floods the log.",
    ),
    IntParam(
        key="runs.concurrency",
        default=2,
        minimum=1,
        maximum=64,
        description="Runs at once: worker processes. Read when bin/serve starts.",
    ),
    IntParam(
        key="runs.time_limit_minutes",
        default=120,
        minimum=1,
        maximum=10_080,
        description="After this long without its pauses a run is ended as failed.",
    ),
    IntParam(
        key="runs.pause_detach_after_minutes",
        default=30,
        minimum=0,
        maximum=10_080,
        description="After this long a paused run's agent is ended and its worker freed; a resume starts it again.",
    ),
    IntParam(
        key="runs.output_mb",
        default=1024,
        minimum=0,
        maximum=1_000_000,
        description="Of the outputs of one run's commands so much is kept, in MiB; what comes after it is cut off.",
    ),
    IntParam(
        key="runs.permission_timeout_minutes",
        default=60,
        minimum=1,
        maximum=10_080,
        description="An unanswered permission request is rejected after this long.",
    ),
)
_BUDGETS = (
    IntParam(
        key="runs.token_budget",
        default=0,
        minimum=0,
        maximum=10_000_000_000,
        description="Tokens (input, the cached included, and output) of one attempt of a run; when they are used up it "
        "pauses and asks. 0: no budget.",
    ),
    FloatParam(
        key="runs.cost_budget_usd",
        default=0.0,
        minimum=0,
        maximum=100_000,
        description="What one attempt of a run may cost, in US dollars by providers.prices; then it pauses and asks. "
        "0: no budget.",
    ),
    FloatParam(
        key="runs.daily_cost_budget_usd",
        default=0.0,
        minimum=0,
        maximum=1_000_000,
        description="What all runs together may cost on one day (UTC), in US dollars; then those that go on pause and "
        "ask. 0: no budget.",
    ),
)
_AROUND_RUNS = (
    ListParam(
        key="runs.setup_commands",
        default=(),
        max_items=20,
        max_length=4000,
        remote=False,
        description="Shell commands for a run's work tree before its agent starts, in projects that set none.",
    ),
    ListParam(
        key="runs.teardown_commands",
        default=(),
        max_items=20,
        max_length=4000,
        remote=False,
        description="Shell commands for a run's work tree after its agent has ended, in projects that set none.",
    ),
    IntParam(
        key="runs.setup_limit_minutes",
        default=30,
        minimum=1,
        maximum=1440,
        description="A setup command that takes longer is ended, and the run fails.",
    ),
    IntParam(
        key="runs.teardown_limit_minutes",
        default=5,
        minimum=1,
        maximum=1440,
        description="A teardown command that takes longer is ended; the run's outcome stays.",
    ),
)
_SANDBOX = (
    FloatParam(
        key="sandbox.memory_gb",
        default=4.0,
        minimum=0.25,
        maximum=1024,
        description="Memory of one run's processes together, in GiB.",
    ),
    IntParam(
        key="sandbox.processes",
        default=1024,
        minimum=16,
        maximum=65_536,
        description="Processes and threads of one run.",
    ),
    IntParam(
        key="sandbox.open_files",
        default=4096,
        minimum=64,
        maximum=1_048_576,
        description="Files that one process of a run may have open.",
    ),
    FloatParam(
        key="sandbox.disk_gb",
        default=20.0,
        minimum=0.1,
        maximum=10_240,
        description="Disk for the work tree and the agent's home of one run, in GiB.",
    ),
    FloatParam(
        key="sandbox.file_gb",
        default=4.0,
        minimum=0.01,
        maximum=10_240,
        description="The largest file that a run may write, in GiB.",
    ),
    FloatParam(
        key="sandbox.tmp_gb",
        default=0.5,
        minimum=0.01,
        maximum=1024,
        description="Size of /tmp and of /dev/shm in a sandbox, each, in GiB. It is memory.",
    ),
)
_GIT = (
    StringParam(key="git.author_name", default="Quarterdeck", description="Committer of run commits and snapshots."),
    StringParam(key="git.author_email", default="quarterdeck@localhost", description="The committer's address."),
    BoolParam(
        key="git.sign_commits",
        default=False,
        description="Whether run commits are signed, with git.signing_key.",
    ),
    SecretParam(
        key="git.signing_key",
        max_length=8000,
        description="A private SSH key without a passphrase that signs run commits: its file in base64, on one line.",
    ),
    IntParam(
        key="git.clone_depth",
        default=0,
        minimum=0,
        maximum=1_000_000,
        description="Commits of history to clone; 0 is all of it.",
    ),
    StringParam(
        key="git.ca_bundle",
        default="",
        remote=False,
        description="File with the authorities (PEM) that certificates of https remotes may come from, in place of the "
        "system's.",
    ),
    IntParam(
        key="git.checkout_files",
        default=500_000,
        minimum=1,
        maximum=10_000_000,
        description="A commit with more files is not laid out as a work tree.",
    ),
    FloatParam(
        key="git.checkout_gb",
        default=20.0,
        minimum=0.001,
        maximum=100_000,
        description="A commit whose files are larger together, in GiB, is not laid out as a work tree.",
    ),
    IntParam(
        key="git.fetch_timeout_minutes",
        default=60,
        minimum=1,
        maximum=1440,
        description="A clone or a fetch that takes longer is stopped.",
    ),
    IntParam(
        key="git.push_timeout_minutes",
        default=10,
        minimum=1,
        maximum=1440,
        description="A push that takes longer is stopped.",
    ),
)
_SNAPSHOTS = (
    IntParam(
        key="snapshots.max_file_mb",
        default=100,
        minimum=1,
        maximum=1_048_576,
        description="A new or changed file larger than this, in MiB, is left out of snapshots; each tells which.",
    ),
)

_RETENTION = (
    FloatParam(
        key="retention.disk_quota_gb",
        default=100.0,
        minimum=0,
        maximum=1_000_000,
        description="Disk for one project, in GiB; above it no run and no clone begins. 0: no quota.",
    ),
    IntParam(
        key="retention.worktree_days",
        default=30,
        minimum=0,
        maximum=36_500,
        description="Work trees of runs that nobody has touched for so long are removed; what they hold that was not "
        "pushed is kept under a rescue ref. 0: never.",
    ),
    IntParam(
        key="retention.snapshot_days",
        default=90,
        minimum=0,
        maximum=36_500,
        description="Snapshots of runs whose work tree has been removed are removed so long after the last of them and "
        "the run's end. 0: never.",
    ),
    IntParam(
        key="retention.output_days",
        default=180,
        minimum=0,
        maximum=36_500,
        description="Whole outputs of commands are removed so long after their run ended. 0: never.",
    ),
    IntParam(
        key="retention.event_days",
        default=0,
        minimum=0,
        maximum=36_500,
        description="Events of runs at rest are removed when they are so old. 0: never.",
    ),
    IntParam(
        key="retention.task_days",
        default=14,
        minimum=1,
        maximum=3650,
        description="Rows of finished background tasks are removed after so long.",
    ),
)


def _per_minute(name: str, default: int, description: str) -> Param:
    key = f"limits.{name}_per_minute"
    return IntParam(key=key, default=default, minimum=1, maximum=1_000_000, description=description)


_LIMITS = (
    _per_minute("default", 60, "Requests a minute and person, but for those of the other limits."),
    _per_minute("run_start", 6, "Starts and retries of runs, and messages to completed ones, a minute and person."),
    _per_minute("stream_opens", 30, "Event streams opened a minute and person."),
    IntParam(
        key="limits.streams_per_user",
        default=4,
        minimum=1,
        maximum=10_000,
        description="Event streams open at once for a person, over all web processes.",
    ),
    _per_minute("settings_writes", 20, "Changes of settings a minute and person."),
    _per_minute("logins", 5, "Passwords tried a minute, for each address and for each account."),
)
_API = (
    StringParam(
        key="api.error_base_url",
        default="/errors",
        rule=page_address,
        description="Where the pages about problems are; their type addresses begin with it.",
    ),
    ListParam(
        key="api.cors_origins",
        default=(),
        rule=web_origin,
        description="Origins whose pages may use the API with a token; without any, browsers keep other pages out.",
    ),
    BoolParam(
        key="api.public_metrics",
        default=False,
        description="Whether /metrics answers without a token.",
    ),
)


PARAMS: Mapping[str, Param] = {
    param.key: param
    for param in (
        *_SAFETY,
        *_RUNS,
        *_BUDGETS,
        *_AROUND_RUNS,
        *_SANDBOX,
        *_GIT,
        *_SNAPSHOTS,
        *INDEX_PARAMS,
        *RAG_PARAMS,
        *_RETENTION,
        *DOCS_PARAMS,
        *_LIMITS,
        *_API,
        *PROVIDER_PARAMS,
    )
}
