"""Agents as they stand now: what an operator chose, whether their programs and keys are there, what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

from settings_params.custom_agents import CustomAgent
from settings_params.logins import GATEWAY, LOGIN
from settings_params.models import AgentProvider
from settings_params.programs import find_program
from settings_params.providers import MODELS, PROVIDERS, Provider
from settings_params.queries import read_param, setting_of


@dataclass(frozen=True)
class ProviderState:
    """One agent. `missing`: sentences on what to install or set; it is available when there are none.

    `access` is how it reaches its model: `gateway` or `login`, None where it needs none.
    """

    provider: Provider
    enabled: bool
    default_model: str | None
    version: str | None
    models: tuple[str, ...]
    missing: tuple[str, ...]
    access: str | None

    @property
    def available(self) -> bool:
        return not self.missing


def custom_agents() -> Mapping[str, CustomAgent]:
    """The agents of `providers.custom_agents` by key."""
    return {record["key"]: CustomAgent.of(record) for record in read_param("providers.custom_agents")}


def known_providers() -> Mapping[str, Provider]:
    """Every agent by key: those that the server brings, then those that its operator has added."""
    added = {key: _provider(agent) for key, agent in custom_agents().items()}
    return {**PROVIDERS, **added}


def _provider(agent: CustomAgent) -> Provider:
    return Provider(
        agent.key,
        agent.name,
        binary=agent.command[0],
        vendors=agent.vendors,
        capabilities=("permissions",),
        is_custom=True,
    )


def provider_states() -> list[ProviderState]:
    """Every agent, in the order of `providers` (one query; looks at the file system, starts nothing)."""
    rows = AgentProvider.objects.in_bulk(field_name="key")
    return [_state(provider, rows) for provider in known_providers().values()]


def provider_state(key: str) -> ProviderState:
    """One agent; an unknown key is a KeyError."""
    return _state(known_providers()[key], AgentProvider.objects.filter(key=key).in_bulk(field_name="key"))


def is_enabled(key: str) -> bool:
    """Whether runs may be given to the agent; not to one that is not known any more."""
    provider = known_providers().get(key)
    if provider is None or not provider.has_adapter:
        return False
    row = AgentProvider.objects.filter(key=key).first()
    return provider.is_enabled_at_first if row is None else row.enabled


@dataclass(frozen=True)
class ModelChoice:
    """A model and whose API answers for it."""

    vendor: str
    model: str


def models_of(key: str) -> tuple[str, ...]:
    """The models to choose from for an agent, none where it has none; each once, in the operator's order."""
    return tuple(dict.fromkeys(choice.model for choice in _choices(key)))


def model_choice(key: str, model: str | None) -> ModelChoice | None:
    """Whom to ask for a run's model; without one, for the first of the agent. None: the agent needs none, or has not
    that one any more."""
    return next((choice for choice in _choices(key) if model in (None, choice.model)), None)


def _choices(key: str) -> list[ModelChoice]:
    """Of the vendors that can be asked; before any can, of all."""
    provider = known_providers().get(key)
    vendors = () if provider is None else provider.vendors
    asked = [vendor for vendor in vendors if _can_answer(vendor)] or vendors
    return [
        ModelChoice(vendor, model)
        for vendor in asked
        for model in read_param(f"providers.{vendor}.models") or MODELS[vendor]
    ]


def default_model_of(key: str) -> str | None:
    """The operator's choice for the agent, while it is still one of its models."""
    chosen = AgentProvider.objects.filter(key=key).values_list("default_model", flat=True).first()
    return chosen if chosen in models_of(key) else None


def _state(provider: Provider, rows: Mapping[str, AgentProvider]) -> ProviderState:
    row = rows.get(provider.key)
    models = models_of(provider.key)
    return ProviderState(
        provider=provider,
        enabled=provider.is_enabled_at_first if row is None else row.enabled,
        default_model=row.default_model if row is not None and row.default_model in models else None,
        version=None if row is None else row.version,
        models=models,
        missing=tuple(what_is_missing(provider, row)),
        access=access_of(provider),
    )


def what_is_missing(provider: Provider, row: AgentProvider | None) -> list[str]:
    """Sentences on what to install or set before the agent can be used; none when it is available."""
    sentences = []
    if not provider.has_adapter:
        sentences.append(f"This version of the server cannot run {provider.name}.")
    if provider.binary:
        found = find_program(provider)
        if found is None:
            sentences.append(f"{_cure(provider)}.")
        elif row is not None and row.binary == found.fingerprint and row.version_failed:
            sentences.append(f"`{provider.binary} --version` fails. {_cure(provider)}.")
        elif row is not None and row.checked_binary == found.fingerprint and row.check_failure:
            cure = f"Install another version, then call bin/manage check_agent {provider.key}."
            sentences.append(f"It did not pass its check ({row.check_failure}). {cure}")
    model = _what_its_model_lacks(provider)
    return [*sentences, model] if model else sentences


def _what_its_model_lacks(provider: Provider) -> str | None:
    if access_of(provider) == LOGIN:
        login = f"providers.{provider.key}.login"
        is_set = setting_of(login).is_set
        return None if is_set else f"Set {login}, or providers.{provider.key}.access to {GATEWAY}."
    if not provider.vendors or any(_can_answer(vendor) for vendor in provider.vendors):
        return None
    keys = " or ".join(f"providers.{vendor}.api_key" for vendor in provider.vendors)
    return f"Set {keys}; for a model server of your own, its base_url."


def access_of(provider: Provider) -> str | None:
    """How it reaches its model, as its operator has chosen; None where it needs none."""
    if not provider.vendors:
        return None
    return read_param(f"providers.{provider.key}.access") if provider.login else GATEWAY


def _cure(provider: Provider) -> str:
    if provider.is_custom:
        return (
            f"Install {provider.name} (see providers.custom_agents): there is no {provider.binary} in the server's PATH"
        )
    return f"Install {provider.name}: bin/manage install_agent {provider.key}"


def _can_answer(vendor: str) -> bool:
    """Whether there is somebody to ask: a key for the vendor, or a model server of the operator's own."""
    return setting_of(f"providers.{vendor}.api_key").is_set or bool(read_param(f"providers.{vendor}.base_url"))
