"""Secret params: set from everywhere, shown nowhere; a key goes to one address."""

import html
import io
import json
import logging
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from config.api.params import read
from settings_params.models import ServerParam
from settings_params.services.params import change_params
from tests.config.answers import pointers
from tests.conftest import MakeApi, MakeUser
from tests.reading import contents_below

PATH = "/api/settings/server-params"
KEY = "providers.openai.api_key"
KEY_VARIABLE = "QUARTERDECK_PARAM_PROVIDERS_OPENAI_API_KEY"
ADDRESS = "providers.openai.base_url"
ADDRESS_VARIABLE = "QUARTERDECK_PARAM_PROVIDERS_OPENAI_BASE_URL"
SECRET = "sk-the-secret-that-nobody-sees"
OWN = "http://models.example.com/v1"
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_categories=["C", "Z"]), min_size=9).map(
    "sk~".__add__
)


def shown(client: APIClient, key: str = KEY) -> dict[str, Any]:
    """One row of the list."""
    rows: list[dict[str, Any]] = client.get(PATH, {"limit": 200}).json()["data"]
    return next(row for row in rows if row["key"] == key)


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What the command reads from standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def command(*arguments: str) -> str:
    """All that `bin/manage params` prints."""
    output = StringIO()
    call_command("params", *arguments, stdout=output, stderr=output)
    return output.getvalue()


def everything_stored() -> bytes:
    """All of the database: the file and its log on SQLite, all rows of all tables else."""
    if connection.vendor == "sqlite":
        path = Path(settings.DATABASES["default"]["NAME"])
        kept = contents_below(path.parent)
        return b"".join(content for name, content in kept.items() if name.startswith(path.name))
    with connection.cursor() as cursor:
        texts = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608 - names of our own tables
            texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts).encode()


def console_pages() -> str:
    """Every page of the operator's console that might show a param or an act."""
    browser = Client()
    browser.force_login(User.objects.filter(is_superuser=True).first() or User.objects.create_superuser("o@x.org", "p"))
    models = ("settings_params_serverparam", "accounts_auditentry", "settings_params_agentprovider")
    texts = [browser.get(reverse(f"admin:{model}_changelist")) for model in models]
    texts += [
        browser.get(reverse("admin:settings_params_serverparam_change", args=[row.pk]))
        for row in ServerParam.objects.all()
    ]
    texts += [
        browser.get(reverse("admin:accounts_auditentry_change", args=[row.pk])) for row in AuditEntry.objects.all()
    ]
    assert {answer.status_code for answer in texts} == {200}
    return "\n".join(answer.content.decode() for answer in texts)


def forms(secret: str) -> list[str]:
    """The ways in which a text could be written down."""
    as_json = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]]
    return [secret, *as_json, html.escape(secret), repr(secret)[1:-1]]


@hypothesis_settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=SECRETS)
def test_a_secret_is_nowhere_to_be_seen(
    transactional_db: None,
    make_user: MakeUser,
    make_api: MakeApi,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    secret: str,
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_LIMITS_SETTINGS_WRITES_PER_MINUTE", "1000")
    caplog.set_level(logging.DEBUG)
    person = User.objects.filter(email="op@example.com").first() or make_user("op@example.com", is_staff=True)
    operator = make_api(person)
    answers = [
        operator.put(PATH, {KEY: secret}),
        operator.put(PATH, {KEY: secret, "runs.concurrency": 0, "x.y": secret}),
        operator.put(PATH, {KEY: secret + "\n"}),
        operator.put(PATH, {KEY: [secret]}),
        operator.get(PATH, {"limit": 200}),
        operator.get("/api/settings/providers"),
    ]
    assert [answer.status_code for answer in answers] == [200, 422, 422, 422, 200, 200]
    assert read(KEY) == secret
    seen = [answer.content.decode() for answer in answers]
    seen += [command(), command("--json"), command("reset", "git.author_name"), console_pages(), caplog.text]
    seen += [str(list(AuditEntry.objects.values())), repr(list(ServerParam.objects.all()))]
    stored = everything_stored()
    assert KEY.encode() in stored  # it is the right place to look
    for form in forms(secret):
        assert not any(form in text for text in seen)
        assert form.encode() not in stored


def test_a_secret_is_shown_as_set_and_without_its_value(operator: APIClient) -> None:
    assert (shown(operator)["isSet"], shown(operator)["value"], shown(operator)["default"]) == (False, None, None)
    operator.put(PATH, {KEY: SECRET})
    row = shown(operator)
    assert (row["type"], row["isSecret"], row["isSet"], row["value"]) == ("secret", True, True, None)
    assert (row["source"], row["default"]) == ("database", None)


def test_null_removes_a_secret(operator: APIClient) -> None:
    operator.put(PATH, {KEY: SECRET})
    operator.put(PATH, {KEY: None})
    assert (read(KEY), shown(operator)["isSet"], ServerParam.objects.exists()) == (None, False, False)


def test_a_secret_from_the_environment_is_not_shown(operator: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, SECRET)
    assert (shown(operator)["isSet"], shown(operator)["value"], read(KEY)) == (True, None, SECRET)
    assert SECRET not in operator.get(PATH, {"limit": 200}).content.decode()


def test_a_secret_from_the_environment_that_does_not_fit_is_warned_about_without_an_echo(
    db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, f"{SECRET}\tand more")
    assert read(KEY) is None
    assert KEY_VARIABLE in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(("value", "code"), [("", "invalid-type"), (5, "invalid-type"), ("a\nb", "invalid-text")])
def test_a_secret_that_does_not_fit_is_pointed_at(operator: APIClient, value: Any, code: str) -> None:
    assert pointers(operator.put(PATH, {KEY: value})) == {f"/{KEY}": code}


def test_a_new_address_forgets_the_key(operator: APIClient) -> None:
    operator.put(PATH, {KEY: SECRET})
    operator.put(PATH, {ADDRESS: OWN})
    assert (read(ADDRESS), read(KEY), shown(operator)["isSet"]) == (OWN, None, False)


def test_a_new_address_with_its_key_takes_it(operator: APIClient) -> None:
    operator.put(PATH, {KEY: SECRET})
    operator.put(PATH, {ADDRESS: OWN, KEY: "another"})
    assert read(KEY) == "another"


def test_the_same_address_keeps_the_key(operator: APIClient) -> None:
    operator.put(PATH, {ADDRESS: OWN, KEY: SECRET})
    operator.put(PATH, {ADDRESS: OWN, "git.clone_depth": 1})
    assert read(KEY) == SECRET


def test_a_reset_of_the_address_forgets_the_key_that_went_there(operator: APIClient) -> None:
    operator.put(PATH, {ADDRESS: OWN, KEY: SECRET})
    operator.put(PATH, {ADDRESS: None})
    assert read(KEY) is None


def test_another_vendors_address_leaves_the_key(operator: APIClient) -> None:
    operator.put(PATH, {KEY: SECRET})
    operator.put(PATH, {"providers.google.base_url": OWN})
    assert read(KEY) == SECRET


def test_a_forgotten_key_is_audited(operator: APIClient) -> None:
    operator.put(PATH, {KEY: SECRET})
    operator.put(PATH, {ADDRESS: OWN})
    assert AuditEntry.objects.filter(action="params_changed").latest("id").detail["keys"] == [KEY, ADDRESS]


def test_a_key_from_the_environment_is_not_sent_to_an_address_from_the_network(
    operator: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, SECRET)
    operator.put(PATH, {ADDRESS: OWN, KEY: "mine"})
    operator.put(PATH, {KEY: None})
    assert (read(ADDRESS), read(KEY), shown(operator)["isSet"]) == (OWN, None, False)


def test_a_key_and_an_address_from_the_environment_belong_together(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, SECRET)
    monkeypatch.setenv(ADDRESS_VARIABLE, OWN)
    assert (read(ADDRESS), read(KEY)) == (OWN, SECRET)


@pytest.mark.parametrize("value", ["ftp://example.com", "http://me:secret@example.com", "https://example.com?key=x"])
def test_an_address_that_does_not_fit_is_pointed_at(operator: APIClient, value: str) -> None:
    answer = operator.put(PATH, {ADDRESS: value})
    assert pointers(answer) == {f"/{ADDRESS}": "invalid-text"}
    assert "secret" not in answer.content.decode()


def test_addresses_of_model_servers_are_for_operators(api: APIClient, operator: APIClient) -> None:
    keys = [row["key"] for row in api.get(PATH, {"limit": 200}).json()["data"]]
    assert (ADDRESS in keys, KEY in keys) == (False, True)
    assert shown(operator, ADDRESS)["key"] == ADDRESS


def test_models_are_a_list(operator: APIClient) -> None:
    operator.put(PATH, {"providers.openai.models": ["b", "a"]})
    row = shown(operator, "providers.openai.models")
    assert (row["type"], row["value"], row["default"]) == ("list", ["b", "a"], [])
    assert read("providers.openai.models") == ("b", "a")


def test_the_command_reads_a_secret_from_standard_input(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, f"{SECRET}\n")
    assert command("set", KEY) == f"{KEY} = set  (database)\n"
    assert read(KEY) == SECRET


def test_the_command_refuses_a_secret_as_an_argument(db: None) -> None:
    with pytest.raises(CommandError, match="arguments can be seen by others") as caught:
        command("set", KEY, SECRET)
    assert SECRET not in str(caught.value)
    assert not ServerParam.objects.exists()


def test_the_command_refuses_a_secret_that_does_not_fit_without_an_echo(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(monkeypatch, f"{SECRET}\tand more\n")
    with pytest.raises(CommandError, match=KEY) as caught:
        command("set", KEY)
    assert SECRET not in str(caught.value)


def test_the_command_tells_of_a_key_that_a_new_address_forgot(db: None) -> None:
    change_params({KEY: SECRET}, actor=None, is_remote=False)
    assert f"{KEY} was cleared" in command("set", ADDRESS, OWN)


def test_the_command_resets_a_secret(db: None) -> None:
    change_params({KEY: SECRET}, actor=None, is_remote=False)
    assert command("reset", KEY) == f"{KEY} = not set  (default)\n"


def test_the_command_lists_for_scripts(db: None) -> None:
    change_params({KEY: SECRET}, actor=None, is_remote=False)
    rows = {row["key"]: row for row in json.loads(command("list", "--json"))}
    assert rows[KEY] == {"key": KEY, "value": None, "source": "database", "isSecret": True, "isSet": True}
    assert rows["sandbox.memory_gb"]["value"] == 4.0


def test_the_command_takes_a_list_as_json(db: None) -> None:
    assert (
        command("set", "providers.openai.models", '["a", "b"]') == 'providers.openai.models = ["a", "b"]  (database)\n'
    )


def test_the_command_wants_a_value_of_what_is_no_secret(db: None) -> None:
    with pytest.raises(CommandError, match="Give the value"):
        command("set", "git.author_name")
