"""The managed documents as a commit or tree holds them; what is there and cannot be one is told."""

from dataclasses import dataclass

from docs_mgmt.generators.blocks import MAX_BYTES
from docs_mgmt.generators.managed import ManagedDoc
from projects.git.files import list_files, read_blob
from projects.git.repository import Repository, is_object_id


@dataclass(frozen=True)
class Present:
    """What is at a document's path: its content, None where nothing is, or why it cannot be written there."""

    content: bytes | None = None
    problem: str = ""


def read_present(repository: Repository, tree: str, doc: ManagedDoc) -> Present:
    """Looks at a path in a commit or tree. Raises GitError."""
    file = next(iter(list_files(repository, tree, [doc.path])), None)
    if file is None:
        return Present(problem=_in_the_way(repository, tree, doc.path))
    if file.size_bytes > MAX_BYTES:
        return Present(problem=f"{doc.path} has more than {MAX_BYTES} bytes: shorten it.")
    return Present(read_blob(repository, file.blob))


def _in_the_way(repository: Repository, tree: str, path: str) -> str:
    """What stands at the path, or where a folder on the way is to be; empty where there is nothing."""
    if not is_object_id(tree):
        raise ValueError("a full object id is needed")
    names = path.split("/")
    ways = ["/".join(names[: count + 1]) for count in range(len(names))]
    for way in ways:
        listed = repository.run(["ls-tree", "-z", "--full-tree", tree, "--", way])
        mode = listed.partition(b" ")[0]
        if mode and (way == path or mode != b"040000"):
            return f"{way} is no {'ordinary file' if way == path else 'folder'} in the repository."
    return ""
