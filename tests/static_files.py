"""WhiteNoise as the server has it, for the hundreds of clients of a test process."""

from typing import Any, ClassVar

from whitenoise.middleware import WhiteNoiseMiddleware


class FoundOnce(WhiteNoiseMiddleware):
    """Reads the static files when the first client loads its middleware; each client would else do it again."""

    files: dict[str, Any]
    found: ClassVar[dict[str, Any]] = {}

    def add_files_from_finders(self) -> None:
        """Take what an earlier one found."""
        if not self.found:
            super().add_files_from_finders()  # type: ignore[no-untyped-call]  # theirs
            self.found.update(self.files)
        self.files = self.found
