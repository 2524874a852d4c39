"""Generates a project's documents, which are kept, and never committed by the server.

Safe to begin again at any point: a second delivery finds nothing to claim, or goes on where a worker died. What was
generated before stays until the new is whole.
"""

import logging
import threading
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.api.owners import is_owner_gone
from docs_mgmt import tasks
from docs_mgmt.generators.blocks import BlocksRefused
from docs_mgmt.generators.generating import SCRATCH, GeneratedText, GeneratingStopped, generate
from docs_mgmt.generators.managed import GENERATOR_VERSION, MANAGED, blob_id, write_document
from docs_mgmt.indexed_code import CodeNotIndexed, read_code
from docs_mgmt.models import DocsState, GeneratedDocument
from docs_mgmt.present import read_present
from docs_mgmt.services.failures import failure_of
from projects import leases
from projects.events import tell_of
from projects.git.repository import Repository
from projects.leases import Lease
from projects.models import Project
from projects.services.index_queue import expect_fresh_index
from projects.workspaces import open_repository
from runs.storable import storable
from runs.workers import stopping

logger = logging.getLogger(__name__)
Status = DocsState.Status


def regenerate(project_id: int) -> None:
    """Claims documents that are queued, generates them and writes what came of it."""
    _free_of_the_dead(project_id)
    with transaction.atomic():
        lease = leases.claim(DocsState.objects.under_way(), project_id, status=Status.GENERATING, error=None)
        if lease is None:
            return
        tell_of(project_id)
    lost = threading.Event()
    with leases.kept(lease, lost.set):
        try:
            changes, rows = _generated(Project.objects.get(pk=project_id), lost)
        except GeneratingStopped:
            _give_back(lease)
            return
    with transaction.atomic():
        if lease.release(**changes):
            if rows is not None:
                _replace(project_id, rows)
            tell_of(project_id)


def _free_of_the_dead(project_id: int) -> None:
    """A worker of this machine that is gone holds nothing; of others the lease tells."""
    row = DocsState.objects.under_way().filter(pk=project_id).exclude(lease_owner="").first()
    if row is not None and is_owner_gone(row.lease_owner):
        Lease(DocsState, row.pk, row.lease_generation).release()


def _give_back(lease: Lease) -> None:
    """This worker must stop: another one does it."""
    with transaction.atomic():
        if lease.release(status=Status.QUEUED, queued_at=timezone.now()):
            tasks.regenerate_docs.enqueue(lease.pk)


def _generated(project: Project, lost: threading.Event) -> tuple[dict[str, Any], list[GeneratedDocument] | None]:
    """What the state becomes, and the documents; None where it failed, and the former ones stay."""
    tried = {"tried_commit": "", "generator_version": GENERATOR_VERSION}
    try:
        code = read_code(project)
        tried["tried_commit"] = code.commit
        repository = open_repository(project)
        texts = generate(
            repository,
            code.commit,
            map_files=code.map_files,
            files=code.files,
            links=code.links,
            scratch=project.folder / SCRATCH,
            must_stop=lambda: lost.is_set() or stopping.is_requested(),
        )
        rows = [_document(project, repository, code.commit, text) for text in texts]
    except GeneratingStopped:
        raise
    except Exception as error:
        if isinstance(error, CodeNotIndexed):
            expect_fresh_index(project)  # else these were due again and again for an index that cannot be read
        told = failure_of(error, f"Generating the documents of project {project.pk}")
        return {"status": Status.ERROR, "error": told, **tried}, None
    now = timezone.now()
    return {"status": Status.READY, "error": None, "commit": code.commit, "generated_at": now, **tried}, rows


def _document(project: Project, repository: Repository, commit: str, made: GeneratedText) -> GeneratedDocument:
    doc = MANAGED[made.slug]
    row = GeneratedDocument(project=project, slug=doc.slug)
    if made.fault:
        logger.error("Generating %s of project %s failed: %s.", doc.slug, project.pk, made.fault)
    row.text, row.facts = storable(made.text), storable(made.facts)
    if made.problem:
        row.problem = {"message": made.problem, "line": None}
        return row
    present = read_present(repository, commit, doc)
    try:
        if present.problem:
            raise BlocksRefused(present.problem)
        row.content = write_document(doc, present.content, made.text)
    except BlocksRefused as refused:
        row.problem = {"message": refused.message, "line": refused.line}
    else:
        row.blob = blob_id(row.content)
    return row


def _replace(project_id: int, rows: Iterable[GeneratedDocument]) -> None:
    """The new documents in place of the former; one that is as it was keeps the time of its last change."""
    former = GeneratedDocument.objects.filter(project=project_id)
    changed_at = {(slug, blob): at for slug, blob, at in former.values_list("slug", "blob", "changed_at")}
    former.delete()
    for row in rows:
        row.changed_at = changed_at.get((row.slug, row.blob), row.changed_at)
        row.save(force_insert=True)
