"""The code index as a tool of a run's agent, beside what it is shown with its prompt: an MCP server in its sandbox."""

import sys
from dataclasses import replace

from config.api.params import read
from projects.indexing import mcp_server
from projects.services.commit_indexes import files_of
from runs.execution.agents.mcp import McpServer
from runs.execution.agents.profile import AgentProfile
from runs.execution.interpreter import interpreter_folders
from runs.execution.mcp_servers import ProjectServers
from runs.execution.sandbox.spec import SandboxSpec
from runs.models import RunAttempt


def with_search(
    servers: ProjectServers, spec: SandboxSpec, attempt: RunAttempt, profile: AgentProfile
) -> tuple[ProjectServers, SandboxSpec]:
    """The same with the tool, where the agent is to have it, and with what its program reads in the sandbox.

    None in safe mode, where agents would ask for each search, and none without an index of the very commit. One that is
    pruned before the sandbox starts keeps no agent from its work: the tool then says that it cannot be read.
    """
    run = attempt.run
    wanted = run.rag_enabled and not run.safe_mode and profile.reads_context and read("rag.search_tool")
    index = next(iter(files_of(run.project, attempt.base_commit)), None) if wanted else None
    if index is None or mcp_server.NAME in {server.name for server in servers.opened}:
        return servers, spec
    program, *args = mcp_server.command(sys.executable, index, spec.work_tree)
    tool = McpServer(mcp_server.NAME, "stdio", program, tuple(args))
    read_only = dict.fromkeys((*spec.read_only, *interpreter_folders(), mcp_server.FOLDER))
    shown = replace(spec, read_only=tuple(read_only), read_only_if_there=(*spec.read_only_if_there, index))
    return replace(servers, opened=(*servers.opened, tool)), shown
