"""The login of an agent's own that a run is lent, where its operator has chosen that in place of the gateway."""

from dataclasses import dataclass, field

from config.api.params import read
from runs.execution.errors import RunCannotGoOn
from runs.models import Run
from runs.services.budgets import budgets_of
from settings_params.availability import access_of, default_model_of, known_providers, models_of
from settings_params.errors import SecretUnreadable
from settings_params.logins import GATEWAY, LOGIN


@dataclass(frozen=True)
class LentLogin:
    """What the agent's program is given: `content` is secret, `hosts` are where it goes with it. `note` is for the
    run's log."""

    content: str = field(repr=False)
    model: str
    hosts: tuple[str, ...]
    note: str


def login_of(run: Run) -> LentLogin | None:
    """None for an agent that reaches its model by the gateway, or has none.

    RunCannotGoOn where there is no login, and where a budget is set: nobody counts what is used with it.
    """
    provider = known_providers()[run.selected_agent]
    if provider.login is None or access_of(provider) != LOGIN:
        return None
    login, access = f"providers.{provider.key}.login", f"providers.{provider.key}.access"
    try:
        content = read(login)
    except SecretUnreadable as error:
        raise RunCannotGoOn("secret-unreadable", f"The login of {provider.name} cannot be read: {error}") from error
    if not content:
        raise RunCannotGoOn(
            "model-not-configured", f"{provider.name} has no login: an operator sets {login}, or {access} to {GATEWAY}."
        )
    if limits := budgets_of(run):
        raise RunCannotGoOn(
            "budget-not-kept",
            f"{limits[0].param} is set, and what {provider.name} uses with a login of its own is not counted: an "
            f"operator sets {access} to {GATEWAY}, or the budget to 0.",
        )
    note = (
        f"{provider.name} uses a login of its own ({login}): its secret is inside of the sandbox, a token that it "
        "renews is not copied back, what it uses is not counted and no budget is kept."
    )
    model = run.selected_model or default_model_of(provider.key) or models_of(provider.key)[0]
    return LentLogin(content, model, provider.login.hosts, note)
