"""Leave to talk to a project's remote: its address under the operator's params, its host checked each time anew."""

from dataclasses import replace
from pathlib import Path

from django.conf import settings

from config.api.params import read
from projects.git.credentials import Credential
from projects.git.errors import CredentialUnreadable, RemoteRefused
from projects.git.hosts import resolve_host
from projects.git.urls import RemoteUrl, parse_remote_url
from projects.models import Project, ProjectCredential
from settings_params.errors import SecretUnreadable
from settings_params.secrets import decrypt


def parse_allowed(url: str) -> RemoteUrl:
    """The address, if the operator's params allow its kind; RemoteRefused says why not."""
    remote = parse_remote_url(
        url,
        allow_local=read("safety.allow_local_repositories"),
        allow_private_hosts=read("safety.allow_private_hosts"),
    )
    if remote.scheme == "file" and _is_in_home(Path(remote.path)):
        raise RemoteRefused("The server's own data folder is not for cloning.", code="local-not-allowed")
    return remote


def credential_kind(url: str) -> str | None:
    """Which kind of login the remote of a project's address takes; None where it takes none."""
    scheme = parse_remote_url(url, allow_local=True, allow_private_hosts=True).scheme
    kinds = ProjectCredential.Kind
    return {"https": kinds.HTTPS_TOKEN, "http": kinds.HTTPS_TOKEN, "ssh": kinds.SSH_KEY}.get(scheme)


def _is_in_home(path: Path) -> bool:
    """Other projects' repositories and snapshots lie there; links are followed, as git would follow them."""
    return path.resolve().is_relative_to(Path(settings.HOME).resolve())


def locate(url: str) -> tuple[RemoteUrl, tuple[str, ...]]:
    """The remote and the addresses to connect to, both checked now: names and params may have changed since."""
    remote = replace(parse_allowed(url), ca_bundle=read("git.ca_bundle"))
    return remote, resolve_host(remote, allow_private_hosts=read("safety.allow_private_hosts"))


def credential_of(project: Project) -> Credential | None:
    """The project's own login, opened; None where it has none. Raises CredentialUnreadable."""
    stored = ProjectCredential.objects.filter(project=project).first()
    if stored is None:
        return None
    try:
        secret = decrypt(stored.secret)
    except SecretUnreadable as error:
        raise CredentialUnreadable(str(error)) from None
    return Credential("ssh_key" if stored.kind == stored.Kind.SSH_KEY else "https_token", stored.username, secret)
