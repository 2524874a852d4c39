"""Parts of a change taken back: the tree that is left differs from the base by all other parts, and by nothing else."""

import os
import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projects.git import hunks as hunks_module
from projects.git.changes import FileChange, changed_files, display_path
from projects.git.file_diffs import diff_of_file, find_sides
from projects.git.hunks import Hunk, take_back
from projects.git.parts import Indivisible, Rejection, find_conflict, hunks_of, tree_without
from projects.git.trees import write_review_tree
from projects.git.work_tree import WorkTree
from tests.projects.git.conftest import MakeWorkTree
from tests.projects.git.edits import BASE, EDITS, applied, edit, fresh_work_tree
from tests.projects.git.sample import Origin, content_of, names_in

pytestmark = pytest.mark.plumbing
LONG = b"".join(b"line %d\r\n" % (number % 3) for number in range(60)) + b"the end"


class Changed:
    """A work tree as it is now, and what differs in it."""

    def __init__(self, work_tree: WorkTree) -> None:
        self.repository, self.base, self.tree = (
            work_tree.repository,
            work_tree.base_commit,
            write_review_tree(work_tree),
        )
        self.changes = changed_files(self.repository, self.base, self.tree)

    def __getitem__(self, path: str) -> FileChange:
        return next(change for change in self.changes if change.path == path)

    def hunks(self, path: str) -> tuple[Hunk, ...]:
        return hunks_of(self.repository, self[path])

    def without(self, *rejections: Rejection) -> str:
        return tree_without(self.repository, self.tree, rejections)

    def content(self, tree: str, path: str) -> bytes:
        return content_of(self.repository.path, tree, path)

    def names(self, tree: str) -> list[str]:
        return names_in(self.repository.path, tree)

    @property
    def base_tree(self) -> str:
        return self.repository.read_commit(self.base).tree


@pytest.fixture
def long(origin: Origin, make_work_tree: MakeWorkTree) -> WorkTree:
    """A work tree in which a file with lines all alike was changed in three places."""
    origin.commit({"long": LONG})
    made = make_work_tree()
    (made.path / "long").write_bytes(changed_lines(LONG, [(3, b"first\r\n"), (30, b""), (60, b"no end\n")]))
    return made


def changed_lines(content: bytes, edits: Sequence[tuple[int, bytes]]) -> bytes:
    """The content with some of its lines made other ones, or several, or none."""
    lines = re.findall(rb"[^\n]*\n|[^\n]+", content)
    for place, text in edits:
        if place < len(lines):
            lines[place] = text
    return b"".join(lines)


def test_a_hunk_is_taken_back_and_the_others_stay(long: WorkTree) -> None:
    changed = Changed(long)
    first, second, third = changed.hunks("long")
    left = changed.without(Rejection(changed["long"], (second,)))
    assert changed.content(left, "long") == changed_lines(LONG, [(3, b"first\r\n"), (60, b"no end\n")])
    left = changed.without(Rejection(changed["long"], (third, first)))
    assert changed.content(left, "long") == changed_lines(LONG, [(30, b"")])


def test_all_hunks_taken_back_give_the_base(long: WorkTree) -> None:
    changed = Changed(long)
    assert changed.without(Rejection(changed["long"], changed.hunks("long"))) == changed.base_tree


def test_nothing_taken_back_leaves_the_tree(long: WorkTree) -> None:
    changed = Changed(long)
    assert changed.without() == changed.tree


def test_a_hunks_name_stays_with_its_content_and_goes_with_it(long: WorkTree) -> None:
    before = Changed(long).hunks("long")
    (long.path / "other").touch()
    assert Changed(long).hunks("long") == before
    (long.path / "long").write_bytes((long.path / "long").read_bytes() + b"more\n")
    after = Changed(long).hunks("long")
    assert len({hunk.id for hunk in (*before, *after)}) == 6


def test_neither_work_tree_nor_refs_are_touched(long: WorkTree) -> None:
    changed, content = Changed(long), (long.path / "long").read_bytes()
    refs, index = changed.repository.refs("refs/"), long.review.index.read_bytes()
    changed.without(Rejection(changed["long"], changed.hunks("long")[:1]))
    assert ((long.path / "long").read_bytes(), long.review.index.read_bytes()) == (content, index)
    assert (changed.repository.refs("refs/"), write_review_tree(long)) == (refs, changed.tree)


def created(work_tree: WorkTree) -> str:
    (work_tree.path / "-rf\nnew").write_text("a\n")
    return "-rf\nnew"


def created_empty(work_tree: WorkTree) -> str:
    (work_tree.path / "empty").touch()
    return "empty"


def created_without_text(work_tree: WorkTree) -> str:
    (work_tree.path / os.fsdecode(b"\xff")).write_bytes(bytes(range(256)))
    return "\udcff"


def deleted(work_tree: WorkTree) -> str:
    (work_tree.path / "README.md").unlink()
    return "README.md"


def renamed(work_tree: WorkTree) -> str:
    (work_tree.path / "src/app.py").rename(work_tree.path / "src.py")
    return "src.py"


def made_executable(work_tree: WorkTree) -> str:
    (work_tree.path / "README.md").chmod(0o755)
    return "README.md"


def made_a_link(work_tree: WorkTree) -> str:
    (work_tree.path / "README.md").unlink()
    (work_tree.path / "README.md").symlink_to("src/app.py")
    return "README.md"


@pytest.mark.parametrize(
    "change", [created, created_empty, created_without_text, deleted, renamed, made_executable, made_a_link]
)
def test_a_file_taken_back_is_as_it_was(work_tree: WorkTree, change: Callable[[WorkTree], str]) -> None:
    (work_tree.path / "kept").write_text("kept\n")
    path = change(work_tree)
    changed = Changed(work_tree)
    left = changed.without(Rejection(changed[path]))
    assert [each.path for each in changed_files(changed.repository, changed.base, left)] == ["kept"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (created_without_text, "binary"),
        (made_a_link, "special"),
        (renamed, "no-lines"),
        (made_executable, "no-lines"),
        (created_empty, "no-lines"),
    ],
)
def test_what_has_no_hunks_says_why(work_tree: WorkTree, change: Callable[[WorkTree], str], reason: str) -> None:
    path = change(work_tree)
    with pytest.raises(Indivisible) as caught:
        Changed(work_tree).hunks(path)
    assert caught.value.code == reason


@pytest.mark.parametrize("limit", ["MAX_FILE_BYTES", "MAX_DIFF_BYTES"])
def test_what_is_too_large_has_no_hunks(long: WorkTree, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(hunks_module, limit, 100)
    with pytest.raises(Indivisible) as caught:
        Changed(long).hunks("long")
    assert caught.value.code == "too-large"


@pytest.mark.parametrize("change", [created, deleted])
def test_the_only_hunk_of_a_new_or_deleted_file_is_the_file(
    work_tree: WorkTree, change: Callable[[WorkTree], str]
) -> None:
    path = change(work_tree)
    changed = Changed(work_tree)
    assert changed.without(Rejection(changed[path], changed.hunks(path))) == changed.base_tree


def test_a_renamed_file_keeps_name_and_mode_without_its_hunks(long: WorkTree) -> None:
    (long.path / "long").rename(long.path / "longer")
    (long.path / "longer").chmod(0o755)
    changed = Changed(long)
    left = changed.without(Rejection(changed["longer"], changed.hunks("longer")))
    [change] = changed_files(changed.repository, changed.base, left)
    assert (change.path, change.old_path, change.additions, change.new_mode) == ("longer", "long", 0, "100755")


def test_attributes_do_not_touch_what_is_taken_back(origin: Origin, make_work_tree: MakeWorkTree) -> None:
    base = b"$Id$\r\n" + b"same\r\n" * 30
    origin.commit({"x": base})
    made = make_work_tree()
    (made.path / ".gitattributes").write_text("x text ident eol=crlf filter=evil\n")
    (made.path / "x").write_bytes(base + b"more\r\n")
    changed = Changed(made)
    left = changed.without(Rejection(changed["x"], changed.hunks("x")))
    assert changed.content(left, "x") == base


def test_a_file_where_its_folder_was_is_in_the_way(work_tree: WorkTree) -> None:
    (work_tree.path / "src/app.py").unlink()
    (work_tree.path / "src").rmdir()
    (work_tree.path / "src").write_text("now a file\n")
    changed = Changed(work_tree)
    rejections = [Rejection(changed["src/app.py"])]
    assert find_conflict(changed.changes, rejections) == (0, changed["src"])
    both = [*rejections, Rejection(changed["src"])]
    assert find_conflict(changed.changes, both) is None
    assert changed.without(*both) == changed.base_tree


def test_a_folder_where_the_file_was_is_in_the_way(work_tree: WorkTree) -> None:
    (work_tree.path / "README.md").unlink()
    (work_tree.path / "README.md" / "deep").mkdir(parents=True)
    (work_tree.path / "README.md" / "deep" / "new").write_text("x\n")
    changed = Changed(work_tree)
    rejections = [Rejection(changed["README.md"])]
    assert find_conflict(changed.changes, rejections) == (0, changed["README.md/deep/new"])
    both = [*rejections, Rejection(changed["README.md/deep/new"])]
    assert changed.without(*both) == changed.base_tree


def test_lines_are_put_back_where_the_last_one_has_no_end() -> None:
    hunk = Hunk("", old_start=1, old_lines=1, new_start=1, new_lines=2)
    assert take_back(b"a", b"a\nb", [hunk]) == b"a"
    assert take_back(b"", b"a\rb\n", [Hunk("", 0, 0, 1, 1)]) == b""


LINES = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from([b"", b"other\n", b"line 1\r\n", b"line 2\r\nline 0\r\n", b"x"])),
    min_size=3,
    max_size=8,
)
CHOICES = st.sampled_from(["odd", "even", "hunks", "file", "none"])


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(lines=LINES, of_lines=CHOICES, edits=EDITS, chosen=st.lists(CHOICES, max_size=8))
def test_the_rest_differs_from_the_base_by_the_accepted_parts_alone(
    lines: list[tuple[int, bytes]], of_lines: str, edits: list[tuple[str, str, bytes | str | None]], chosen: list[str]
) -> None:
    with fresh_work_tree({**BASE, "long": LONG}) as work_tree:
        (work_tree.path / "long").write_bytes(changed_lines(LONG, lines))
        for kind, name, value in edits:
            edit(work_tree.path, kind, name, value)
        changed = Changed(work_tree)
        others = [change for change in changed.changes if change.path != "long"]
        choices = list(zip(others, chosen, strict=False))
        choices += [(change, of_lines) for change in changed.changes if change.path == "long"]
        rejections = [each for change, choice in choices for each in chosen_parts(changed, change, choice)]
        while found := find_conflict(changed.changes, rejections):
            del rejections[found[0]]
        patch = b"".join(accepted_patch(changed, change, rejections) for change in changed.changes)
        left = changed.without(*rejections)
        assert left == applied(changed.repository, changed.base, patch)
        assert left != changed.tree or not rejections


def chosen_parts(changed: Changed, change: FileChange, choice: str) -> list[Rejection]:
    """What is taken back of a change: nothing, the file, all its hunks or every other one."""
    if choice in ("file", "none"):
        return [Rejection(change)] if choice == "file" else []
    try:
        hunks = hunks_of(changed.repository, change)
    except Indivisible:
        return []
    picked = {"odd": hunks[::2], "even": hunks[1::2], "hunks": hunks}[choice]
    return [Rejection(change, picked)] if picked else []


def accepted_patch(changed: Changed, change: FileChange, rejections: list[Rejection]) -> bytes:
    """The accepted part of a change as git takes it: the diff that is shown, with the remaining hunks numbered anew."""
    sides = find_sides(
        changed.repository,
        changed.base,
        changed.tree,
        path=change.display_path,
        old_path=None if change.old_path is None else display_path(change.old_path),
        old_blob=change.old_blob,
        new_blob=change.new_blob,
    )
    patch = b"".join(diff_of_file(changed.repository, sides))
    rejection = next((each for each in rejections if each.change == change), None)
    if rejection is None or rejection.is_whole:
        return patch if rejection is None else b""
    head, *bodies = re.split(rb"(?m)^(?=@@ -)", patch)
    rejected, shift, kept = {hunk.id for hunk in rejection.hunks or ()}, 0, b""
    for hunk, body in zip(hunks_of(changed.repository, change), bodies, strict=True):
        if hunk.id not in rejected:
            # A start of no lines is the line before them: the other side's is one more, or less.
            start = hunk.old_start + shift + (hunk.old_lines == 0) - (hunk.new_lines == 0)
            numbers = f"@@ -{hunk.old_start},{hunk.old_lines} +{start},{hunk.new_lines} @@"
            kept += re.sub(rb"^@@[^@]*@@", numbers.encode(), body)
            shift += hunk.new_lines - hunk.old_lines
    is_same = change.old_path is None and change.old_mode == change.new_mode
    return b"" if not kept and is_same else re.sub(rb"(?m)^(---|\+\+\+) .*\n", b"", head) if not kept else head + kept
