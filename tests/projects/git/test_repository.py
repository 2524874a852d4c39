import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from projects.git.commits import commit_tree
from projects.git.errors import GitFailed, RefChanged
from projects.git.identity import Identity
from projects.git.remote import fetch
from projects.git.repository import Repository, create_repository
from tests.projects.git.sample import ADA, Origin, git

pytestmark = pytest.mark.plumbing
AT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def head(repository: Repository, origin: Origin) -> str:
    return fetch(repository, origin.remote, addresses=()).head_commit


def commit_on(repository: Repository, parent: str, message: str = "next") -> str:
    tree = repository.read_commit(parent).tree
    return commit_tree(repository, tree=tree, parents=[parent], author=ADA, committer=ADA, message=message, at=AT)


def test_it_fetches_into_remote_refs_only(repository: Repository) -> None:
    assert git(repository.path, "config", "remote.origin.fetch") == "+refs/heads/*:refs/remotes/origin/*"


def test_it_has_no_hooks(repository: Repository) -> None:
    assert not (repository.path / "hooks").exists()


def test_making_it_again_keeps_what_is_in_it(repository: Repository, head: str) -> None:
    assert create_repository(repository.path).resolve(head) == head


def test_a_half_made_one_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "r.git.making" / "objects").mkdir(parents=True)
    (tmp_path / "r.git.making" / "config.lock").touch()
    assert create_repository(tmp_path / "r.git").refs("refs/") == {}


def test_snapshots_objects_are_the_servers_alone(repository: Repository) -> None:
    assert (repository.path / "private").stat().st_mode & 0o077 == 0


def test_an_unknown_ref_resolves_to_none(repository: Repository, head: str) -> None:
    assert repository.resolve("refs/heads/none") is None


@pytest.mark.parametrize("ref", ["", "--all", "-h", "a\0b", "x" * 5000, "refs/heads/\udcff"])
def test_a_hostile_ref_resolves_to_none(repository: Repository, head: str, ref: str) -> None:
    assert repository.resolve(ref) is None


def test_a_ref_is_made_only_where_there_is_none(repository: Repository, head: str) -> None:
    repository.update_ref("refs/heads/x", head, None)
    with pytest.raises(RefChanged):
        repository.update_ref("refs/heads/x", commit_on(repository, head), None)


def test_a_ref_moves_only_from_the_expected_commit(repository: Repository, head: str) -> None:
    second, third = commit_on(repository, head, "second"), commit_on(repository, head, "third")
    repository.update_ref("refs/heads/x", second, None)
    with pytest.raises(RefChanged):
        repository.update_ref("refs/heads/x", third, head)
    assert repository.resolve("refs/heads/x") == second


def test_a_deleted_ref_is_gone(repository: Repository, head: str) -> None:
    repository.update_ref("refs/heads/x", head, None)
    repository.delete_ref("refs/heads/x", head)
    assert repository.refs("refs/heads/") == {}


def test_deleting_a_missing_ref_is_fine(repository: Repository) -> None:
    repository.delete_ref("refs/heads/none")


def test_leftover_locks_are_removed(repository: Repository, head: str) -> None:
    repository.update_ref("refs/heads/x", head, None)
    for name in ("refs/heads/x.lock", "packed-refs.lock", "HEAD.lock"):
        (repository.path / name).touch()
    repository.remove_leftovers()
    repository.delete_ref("refs/heads/x", head)


def test_an_abandoned_pack_of_a_fetch_is_removed(repository: Repository, head: str) -> None:
    abandoned = repository.objects / "pack" / "tmp_pack_x"
    abandoned.touch()
    repository.remove_leftovers()
    assert not abandoned.exists()


def test_only_old_abandoned_private_packs_are_removed(repository: Repository, head: str) -> None:
    folder = repository.private_objects / "pack"
    folder.mkdir(exist_ok=True)
    old, young = folder / "tmp_pack_old", folder / "tmp_pack_young"
    old.touch()
    young.touch()
    os.utime(old, (1, 1))
    repository.remove_leftovers()
    assert (old.exists(), young.exists()) == (False, True)


def test_a_commit_is_read_back_as_written(repository: Repository, head: str) -> None:
    message = "Größe\n\nbody\n"
    info = repository.read_commit(commit_on(repository, head, message))
    assert (info.author, info.authored_at, info.subject, info.message) == (ADA, AT, "Größe", message)
    assert info.parents == (head,)


def test_a_packed_commit_is_read_as_well(repository: Repository, head: str) -> None:
    git(repository.path, "repack", "-adq")
    assert repository.read_commit(head).subject == "first"


def test_an_unknown_commit_is_told_as_such(repository: Repository) -> None:
    with pytest.raises(GitFailed) as caught:
        repository.read_commit("1" * 40)
    assert caught.value.code == "no-such-commit"


def test_a_name_that_would_break_the_header_is_cleaned(repository: Repository, head: str) -> None:
    hostile = Identity("Eve\n<root@host> 0 +0000\nparent x", "<>")
    tree = repository.read_commit(head).tree
    made = commit_tree(repository, tree=tree, parents=[head], author=hostile, committer=ADA, message="m", at=AT)
    info = repository.read_commit(made)
    assert info.author == Identity("Everoot@host 0 +0000parent x", "unknown@invalid")


def test_an_id_is_never_taken_for_an_option(repository: Repository) -> None:
    with pytest.raises(ValueError, match="object id"):
        repository.update_ref("refs/heads/x", "--stdin", None)
