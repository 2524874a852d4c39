"""Brings the managed documents up to date in a run's work tree at its end, so that the run's commit carries them.

Done again after a kill it comes to the same. Whatever fails here is told in the run's log; the run is completed all
the same.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.utils import timezone

from config.api.params import read
from docs_mgmt.changelog_entries import entry_of
from docs_mgmt.generators.blocks import MAX_BYTES, BlocksRefused
from docs_mgmt.generators.changelog import with_entry
from docs_mgmt.generators.generating import SCRATCH, GeneratedText, GeneratingStopped, generate
from docs_mgmt.generators.managed import CHANGELOG_AI, MANAGED, MANAGED_PATHS, ManagedDoc, write_document
from docs_mgmt.indexed_code import read_code_of_tree
from docs_mgmt.services.failures import failure_of
from projects.git.errors import WorkTreeRefused
from projects.git.one_file import read_file, write_file
from projects.git.work_tree import WorkTree
from projects.leases import Lease
from projects.workspaces import open_work_tree
from runs.events import Draft, LeaseLost, append
from runs.models import RunAttempt
from runs.services.recording import record_present_files
from runs.workers import stopping

logger = logging.getLogger(__name__)


@dataclass
class _Told:
    """What became of the documents."""

    paths: list[str] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    failure: str = ""

    def add_problem(self, doc: ManagedDoc, message: str, line: int | None = None) -> None:
        self.problems.append({"path": doc.path, "message": message, "line": line})


Summary = Mapping[str, Any]


def update_documents(attempt: RunAttempt, lease: Lease, summarize: Callable[[], Summary]) -> None:
    """Writes them where the run has changed something, and tells of it; the param `docs.auto_update` must be on.

    `summarize` sums up the files that are recorded then. No agent may be moving in the work tree. Raises LeaseLost,
    GeneratingStopped where this worker must stop, and the GitError of a tree that cannot be recorded.
    """
    if attempt.workspace is None or not read("docs.auto_update"):
        return
    work_tree = open_work_tree(attempt.workspace)
    tree = record_present_files(attempt, lease, work_tree)
    if tree == work_tree.repository.read_commit(work_tree.base_commit).tree:
        return
    told = _Told()
    try:
        _write_changelog(attempt, work_tree, summarize(), told)
        _write_generated(attempt, work_tree, _texts(attempt, work_tree, tree), told)
    except (LeaseLost, GeneratingStopped):
        raise
    except Exception as error:
        told.failure = failure_of(error, f"Updating the documents of run {attempt.run_id}")["message"]
    if told.paths or told.problems or told.failure:
        append(attempt.run, [_draft(told)], lease=lease)


def _draft(told: _Told) -> Draft:
    parts = [f"{', '.join(told.paths)} brought up to date."] if told.paths else []
    parts += [f"{problem['path']} was left alone: {problem['message']}" for problem in told.problems]
    parts += [f"The others were left as they are: {told.failure}"] if told.failure else []
    severity = "warning" if told.problems or told.failure else "info"
    return Draft("docs_updated", " ".join(parts), severity, data={"paths": told.paths, "problems": told.problems})


def _texts(attempt: RunAttempt, work_tree: WorkTree, tree: str) -> list[GeneratedText]:
    code = read_code_of_tree(attempt.run.project, tree, base_commit=work_tree.base_commit)
    return generate(
        work_tree.repository,
        tree,
        map_files=code.map_files,
        files=code.files,
        links=code.links,
        scratch=work_tree.index_dir / SCRATCH,
        must_stop=stopping.is_requested,
    )


def _write_changelog(attempt: RunAttempt, work_tree: WorkTree, summary: Summary, told: _Told) -> None:
    entry = entry_of(attempt, summary, at=timezone.now(), without=MANAGED_PATHS)
    _write(work_tree, CHANGELOG_AI, lambda present: with_entry(present, entry), told)


def _write_generated(attempt: RunAttempt, work_tree: WorkTree, texts: Iterable[GeneratedText], told: _Told) -> None:
    for made in texts:
        doc = MANAGED[made.slug]
        if made.fault:
            logger.error("Generating %s for run %s failed: %s.", doc.slug, attempt.run_id, made.fault)
        if made.problem:
            told.add_problem(doc, made.problem)
        else:
            _write(work_tree, doc, partial(write_document, doc, text=made.text), told)


def _write(work_tree: WorkTree, doc: ManagedDoc, change: Callable[[bytes | None], bytes], told: _Told) -> None:
    """Writes what becomes of the document that is there; one that must be left alone is told of."""
    try:
        present = read_file(work_tree, doc.path, max_bytes=MAX_BYTES)
        content = change(present)
        if content != present:
            write_file(work_tree, doc.path, content)
            told.paths.append(doc.path)
    except BlocksRefused as refused:
        told.add_problem(doc, refused.message, refused.line)
    except WorkTreeRefused as refused:
        told.add_problem(doc, refused.message)
