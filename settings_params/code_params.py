"""The params about knowing the code of projects: its index, what agents are shown of it, managed documents."""

from settings_params.params import BoolParam, IntParam

INDEX_PARAMS = (
    BoolParam(
        key="index.automatic",
        default=True,
        description="Whether the code of a project is indexed by itself, after a clone and after each pull.",
    ),
    IntParam(
        key="index.files",
        default=100_000,
        minimum=1,
        maximum=1_000_000,
        description="An index takes so many files; the rest, in order of their paths, is left out and told.",
    ),
    IntParam(
        key="index.source_mb",
        default=512,
        minimum=1,
        maximum=100_000,
        description="An index takes so many MiB of source; the rest, in order of the paths, is left out and told.",
    ),
)

RAG_PARAMS = (
    BoolParam(
        key="rag.enabled_default",
        default=True,
        description="Whether the agents of new projects are shown what the code index finds for their prompt.",
    ),
    IntParam(
        key="rag.token_budget",
        default=6000,
        minimum=0,
        maximum=100_000,
        description="As many tokens, by estimate, an agent is shown of the code index with each prompt; 0: nothing.",
    ),
    IntParam(
        key="rag.index_wait_seconds",
        default=10,
        minimum=0,
        maximum=600,
        description="So long a run waits until the code index has followed to its commit; the older one is used after.",
    ),
    BoolParam(
        key="rag.search_tool",
        default=True,
        description="Whether agents also get the search of the code index as a tool, outside of safe mode.",
    ),
)

DOCS_PARAMS = (
    BoolParam(
        key="docs.auto_update",
        default=False,
        description="Whether a completed run that has changed something brings the managed documents up to date in its "
        "work tree, so that its commit carries them.",
    ),
)
