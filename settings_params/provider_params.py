"""The server params of vendors and agents: keys, addresses and models, logins, agents of the operator's own, prices."""

from settings_params.custom_agents import CustomAgentsParam
from settings_params.logins import GATEWAY, LOGIN, LoginParam
from settings_params.params import EnumParam, ListParam, Param, SecretParam, StringParam, http_address
from settings_params.prices import price_line
from settings_params.providers import PROVIDERS, VENDORS, Login, Provider


def _of_vendor(vendor: str, name: str) -> tuple[Param, ...]:
    address = StringParam(
        key=f"providers.{vendor}.base_url",
        default="",
        rule=http_address,
        operators_only=True,
        description=f"Model server to use in place of {name}'s; it may do without a key. "
        "A new address forgets the stored key.",
    )
    return (
        SecretParam(key=f"providers.{vendor}.api_key", goes_to=address.key, description=f"Key of {name}'s API."),
        address,
        ListParam(
            key=f"providers.{vendor}.models",
            default=(),
            max_length=120,
            description=f"Models to choose from where an agent uses {name}, in place of the built-in list.",
        ),
    )


def _with_login(provider: Provider, login: Login) -> tuple[Param, ...]:
    return (
        EnumParam(
            key=f"providers.{provider.key}.access",
            default=GATEWAY,
            choices=(GATEWAY, LOGIN),
            remote=False,
            description=f"How {provider.name} reaches its model: by the gateway, which holds the key, or with a login "
            f"of its own, providers.{provider.key}.login.",
        ),
        LoginParam(
            key=f"providers.{provider.key}.login",
            remote=False,
            description=f"A login of {provider.name}'s own, the content of ~/{login.file}. Its runs hold it: their "
            "agents can read it and give it away. A token that a run renews is not copied back. Nothing is counted, "
            "and no budget kept.",
        ),
    )


PROVIDER_PARAMS: tuple[Param, ...] = (
    *(param for each in PROVIDERS.values() if each.login for param in _with_login(each, each.login)),
    *(param for vendor, name in VENDORS.items() for param in _of_vendor(vendor, name)),
    CustomAgentsParam(
        key="providers.custom_agents",
        default=(),
        taken=tuple(PROVIDERS),
        vendors=tuple(VENDORS),
        remote=False,
        operators_only=True,
        description="More agents: programs of your own that speak the Agent Client Protocol.",
    ),
    ListParam(
        key="providers.prices",
        default=(),
        max_items=300,
        rule=price_line,
        description="Prices of models, each MODEL=INPUT/OUTPUT, MODEL=INPUT/OUTPUT/CACHED or "
        "MODEL=INPUT/OUTPUT/CACHED/CACHE_WRITE in US dollars for a million tokens; MODEL may end in *. "
        "They come before the list prices that the server knows.",
    ),
)
