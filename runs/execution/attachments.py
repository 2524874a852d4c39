"""The attachments of a prompt, read from where they are kept and laid into the run's home: never into its work tree."""

from collections.abc import Sequence
from pathlib import Path

from runs.execution.agents.attachments import PromptFile
from runs.execution.attempts import workspace_of, write_into_home
from runs.execution.prompts import Prompt
from runs.models import Attachment, RunAttempt

FOLDER = "attachments"


def files_of(prompt: Prompt, attempt: RunAttempt) -> tuple[PromptFile, ...]:
    """In the order in which the prompt names them; without those whose file is lost."""
    rows = Attachment.objects.filter(run=attempt.run_id, message=prompt.message, is_kept=True)
    kept = {row.pk: row for row in rows}
    attached = prompt.message.attached if prompt.message else attempt.run.attached
    home = workspace_of(attempt).agent_home_path
    found = (_read(kept[facts["id"]], home) for facts in attached if facts["id"] in kept)
    return tuple(file for file in found if file is not None)


def _read(row: Attachment, home: Path) -> PromptFile | None:
    try:
        with row.file.open("rb") as file:
            data: bytes = file.read()
    except FileNotFoundError:
        return None
    return PromptFile(str(home / path_of(row.pk, row.name)), row.media_type, data)


def path_of(pk: int, name: str) -> str:
    """Where below the run's home an attachment lies; the number keeps two of one name apart."""
    return f"{FOLDER}/{pk}-{name}"


def lay_out(files: Sequence[PromptFile], attempt: RunAttempt) -> None:
    """Writes them, to be read only. The agent's processes must not move meanwhile. RunCannotGoOn where home resists."""
    home = workspace_of(attempt).agent_home_path
    write_into_home(home, {str(Path(file.path).relative_to(home)): file.data for file in files}, mode=0o400)
