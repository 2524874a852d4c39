"""Changes what is known of agents: an operator's choices, and what their programs say of themselves."""

from concurrent.futures import ThreadPoolExecutor

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from settings_params import availability
from settings_params.binaries import Binary, Version, ask_version
from settings_params.errors import ProviderNotAvailable
from settings_params.models import AgentProvider
from settings_params.programs import find_program
from settings_params.providers import Provider

SHORT_SECONDS = 5.0  # while a client waits
LONG_SECONDS = 60.0  # some agents take half a minute to say their version
FAILURE_CHARACTERS = 500


def probe_providers(*, timeout_seconds: float, again: bool = False) -> None:
    """Asks the programs that are new here for their version, all at once; with `again` the known ones too.

    Every agent has a row after it.
    """
    known = dict(AgentProvider.objects.values_list("key", "binary"))
    found = [(each, find_program(each)) for each in availability.known_providers().values()]
    changed = [
        (provider, binary)
        for provider, binary in found
        if (again and binary) or known.get(provider.key) != (binary.fingerprint if binary else "")
    ]
    if not changed:
        return
    with ThreadPoolExecutor(len(changed)) as pool:
        versions = list(pool.map(lambda each: _version(each[0], each[1], timeout_seconds), changed))
    for (provider, binary), version in zip(changed, versions, strict=True):
        _note(provider, binary, version)


def _version(provider: Provider, binary: Binary | None, timeout_seconds: float) -> Version:
    """A program of the operator's own may know no `--version`; what this server has installed is known."""
    if binary is None or binary.version is not None or provider.is_custom:
        return Version(binary.version if binary else None)
    return ask_version(binary.path, timeout_seconds)


def _note(provider: Provider, binary: Binary | None, version: Version) -> None:
    values = {
        "binary": binary.fingerprint if binary else "",
        "version": version.text,
        "version_failed": version.has_failed,
        "probed_at": timezone.now(),
    }
    AgentProvider.objects.update_or_create(
        key=provider.key, defaults=values, create_defaults={**values, "enabled": provider.is_enabled_at_first}
    )


def note_check(key: str, failure: str) -> None:
    """Writes down what a check of the agent, as it is installed now, has found; ``failure`` is empty when it passed."""
    provider = availability.known_providers()[key]
    found = find_program(provider)
    values = {
        "checked_at": timezone.now(),
        "checked_binary": found.fingerprint if found else "",
        "check_failure": failure[:FAILURE_CHARACTERS],
    }
    AgentProvider.objects.update_or_create(
        key=key, defaults=values, create_defaults={**values, "enabled": provider.is_enabled_at_first}
    )


@transaction.atomic
def change_provider(key: str, *, actor: User | None, **fields: bool | str | None) -> None:
    """Sets `enabled` and `default_model`, already checked for shape. Enabling what is not available: 409."""
    state = availability.provider_state(key)
    if fields.get("enabled") and state.missing:
        raise ProviderNotAvailable(f"{state.provider.name}: {' '.join(state.missing)}", missing=list(state.missing))
    if not fields:
        return
    AgentProvider.objects.update_or_create(
        key=key, defaults=fields, create_defaults={"enabled": state.enabled, **fields}
    )
    audit(actor, "provider_changed", provider=key, **fields)
