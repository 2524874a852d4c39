"""Keeps what commands have put out, as files of the storage, within a bound for each run.

The files are written before the transaction of the rows that name them: a copy of gigabytes holds no lock. One that
no row came to name is deleted at once; one of which that is not known, after a kill in between or a COMMIT without an
answer, is left, and goes when the run's outputs are pruned if no row names it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO
from uuid import uuid4

from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models import F, Sum

from config.api.params import read
from config.one_commit import OutcomeUnknown
from runs.known_secrets import redactor_of
from runs.models import Run
from runs.redaction import ByteStream, Redactor

MEBIBYTE = 1024**2


@dataclass(frozen=True)
class KeptOutput:
    """An output of so many bytes, of which the first `kept_bytes` are in the file `name`; no name: nothing is kept.

    Both count what is in place of known secrets, which are redacted on the way.
    """

    name: str
    size_bytes: int
    kept_bytes: int


Outputs = Mapping[str, BinaryIO]
"""Open files by stream: `stdout`, `stderr`."""


def folder_of(run_id: int) -> str:
    """Where the outputs of a run are."""
    return f"runs/{run_id}"


@contextmanager
def kept(run: Run, ended: Mapping[str, Outputs]) -> Iterator[Mapping[str, Mapping[str, KeptOutput]]]:
    """Keeps the outputs of commands, by any key, while the body writes the rows; if it fails, they are deleted again.

    The body must write them by `one_commit`: of any other transaction its error does not tell that no row names them.

    After a success the given files are closed; after a failure they can be given once more.
    """
    written: dict[str, dict[str, KeptOutput]] = {key: {} for key in ended}
    try:
        is_any = any(ended.values())
        room, redactor = (_room_for(run), redactor_of(run)) if is_any else (0, Redactor({}))
        for key, outputs in ended.items():
            for stream, file in outputs.items():
                written[key][stream] = _write(run, stream, file, room, redactor)
                room -= written[key][stream].kept_bytes
        yield written
    except OutcomeUnknown:
        raise
    except Exception:
        _forget(written)
        raise
    for outputs in ended.values():
        for file in outputs.values():
            file.close()


def _room_for(run: Run) -> int:
    """How many bytes may still be kept for the run."""
    used = run.commands.aggregate(used=Sum(F("stdout_kept_bytes") + F("stderr_kept_bytes")))["used"] or 0
    allowed: int = read("runs.output_mb") * MEBIBYTE
    return max(0, allowed - used)


def _write(run: Run, stream: str, file: BinaryIO, room: int, redactor: Redactor) -> KeptOutput:
    size = file.seek(0, 2)
    length = min(size, room)
    if not length:
        return KeptOutput("", size, 0)
    name = f"{folder_of(run.pk)}/{run.attempt}/{uuid4().hex}.{stream}"
    beginning = _Beginning(file, length, redactor)
    name = default_storage.save(name, beginning)
    return KeptOutput(name, size - length + beginning.given_bytes, beginning.given_bytes)


class _Beginning(File):  # type: ignore[type-arg] # Django's own has no parameters at run time
    """The first bytes of a file, which may still be growing, redacted; at the end of what is kept no secret is cut."""

    def __init__(self, file: BinaryIO, length: int, redactor: Redactor) -> None:
        super().__init__(file)
        self._whole, self.size, self._redactor = file, length, redactor
        self.seek(0)

    def seek(self, offset: int, whence: int = 0) -> int:
        """To the beginning: all that storages ask for before they copy."""
        self._left, self.given_bytes, self._ready = self.size, 0, b""
        self._stream: ByteStream | None = ByteStream(self._redactor)
        return self._whole.seek(0)

    def read(self, size: int = -1) -> Any:
        while self._stream is not None and (size < 0 or len(self._ready) < size):
            self._ready += self._more(self._stream)
        end = len(self._ready) if size < 0 else size
        given, self._ready = self._ready[:end], self._ready[end:]
        self.given_bytes += len(given)
        return given

    def _more(self, stream: ByteStream) -> bytes:
        found = self._whole.read(min(self._left, self.DEFAULT_CHUNK_SIZE))
        self._left -= len(found)
        if found:
            return stream.take(found)
        self._stream = None
        return stream.finish()


def _forget(written: Mapping[str, Mapping[str, KeptOutput]]) -> None:
    for outputs in written.values():
        for output in outputs.values():
            if output.name:
                with suppress(OSError):
                    default_storage.delete(output.name)


def forget_unnamed(run: Run) -> None:
    """Deletes the files of a run at rest that no row names: writers that were killed left them."""
    named = {name for names in run.commands.values_list("stdout", "stderr") for name in names}
    with suppress(FileNotFoundError):
        for attempt in default_storage.listdir(folder_of(run.pk))[0]:
            folder = f"{folder_of(run.pk)}/{attempt}"
            for file in default_storage.listdir(folder)[1]:
                if f"{folder}/{file}" not in named:
                    default_storage.delete(f"{folder}/{file}")
