"""Installs and removes agents on the server itself: audited, known to `agent_providers` at once."""

from collections.abc import Callable
from dataclasses import replace

from django.db import transaction

from accounts.services import audit
from settings_params import availability, installing
from settings_params.installations import Installation
from settings_params.installers import InstallFailed
from settings_params.packages import Package
from settings_params.programs import agents_folder
from settings_params.providers import PROVIDERS
from settings_params.services.providers import LONG_SECONDS, change_provider, probe_providers


def package_of(key: str) -> Package:
    """What the agent is installed from; InstallFailed for one that there is not, or that needs no package."""
    package = PROVIDERS[key].package if key in PROVIDERS else None
    if package is None:
        names = ", ".join(provider.key for provider in PROVIDERS.values() if provider.package)
        raise InstallFailed(f"There is no agent {key!r} to install. There are: {names}.")
    return package


def install_agent(key: str, version: str | None, *, enable: bool, say: Callable[[str], None]) -> Installation:
    """Installs the agent at that version (None: the pinned one) and enables it, when nothing else is missing for it.

    A second time it installs nothing. Raises InstallFailed.
    """
    package = package_of(key)
    wanted = replace(package, version=version or package.version)
    done = installing.install(agents_folder(), key, wanted, PROVIDERS[key].binary, say=say)
    with transaction.atomic():
        audit(None, "agent_installed", provider=key, version=done.version)
    probe_providers(timeout_seconds=LONG_SECONDS)
    state = availability.provider_state(key)
    if enable and state.available and not state.enabled:
        change_provider(key, actor=None, enabled=True)
    return done


def remove_agent(key: str, version: str | None) -> list[str]:
    """Takes away one version of the agent, or all; gives those that were there."""
    package_of(key)
    gone = installing.remove(agents_folder(), key, version)
    if gone:
        audit(None, "agent_removed", provider=key, versions=gone)
    probe_providers(timeout_seconds=LONG_SECONDS)
    return gone
