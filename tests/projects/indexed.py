"""What the tests of code indexes share: a repository with code in it, and the worker that indexes."""

from collections.abc import Mapping
from pathlib import Path

from runs.workers.worker import QueueWorker
from tests.conftest import git

CODE = {
    "shop/orders.py": (
        '"""Orders of the shop."""\n\n\nclass OrderStore:\n    def cancel_order(self, number):\n        return number\n'
    ),
    "shop/views.py": "from shop.orders import OrderStore\n\n\ndef cancel():\n    OrderStore().cancel_order(1)\n",
    "tests/test_orders.py": "from shop.orders import OrderStore\n\n\ndef test_it():\n    OrderStore().cancel_order()\n",
    "fake.py": "\0\1",
}


def push_files(remote: Path, files: Mapping[str, str | None], message: str = "Code") -> str:
    """Commits files to the remote's `main` (None removes one); the commit."""
    origin = remote.parent / "origin"
    for name, text in files.items():
        path = origin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    git("add", "-A", ".", cwd=origin)
    git("commit", "-q", "--allow-empty", "-m", message, cwd=origin)
    git("push", "-q", "-f", remote, "HEAD:main", cwd=origin)
    return git("rev-parse", "HEAD", cwd=origin).strip()


def index_all() -> None:
    """Makes the indexes that are queued, in this process, as their worker would."""
    QueueWorker("index").run()
