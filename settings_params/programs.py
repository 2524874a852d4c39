"""Where the program of an agent is: among what this server has installed, else in its PATH."""

from pathlib import Path

from django.conf import settings

from settings_params.binaries import Binary, find_binary
from settings_params.installations import Installation, installed
from settings_params.providers import PROVIDERS, Provider


def agents_folder() -> Path:
    """Where agents are installed."""
    return Path(settings.HOME) / "agents"


def find_installation(provider: Provider) -> Installation | None:
    """The installed version that is in use; one whose program (or Node.js) is gone does not count."""
    found = installed(agents_folder(), provider.key)
    if found is None or not found.program(provider.binary).exists():
        return None
    node = found.program("node")
    return None if node.is_symlink() and not node.exists() else found


def installation_of(key: str) -> Path | None:
    """The folder of the installed version in use, for an agent that this server may have installed."""
    provider = PROVIDERS.get(key)
    found = find_installation(provider) if provider is not None else None
    return found.folder if found else None


def find_program(provider: Provider) -> Binary | None:
    """The program of the agent; None for one that is built in, or is not there."""
    if not provider.binary:
        return None
    installation = find_installation(provider)
    if installation is None:
        return find_binary(provider.binary)
    return Binary(installation.program(provider.binary), installation.fingerprint, installation.version)
