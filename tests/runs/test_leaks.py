"""An agent that tells a secret of the server through every door that it has: no table, file or answer has it."""

import base64
import json
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from rest_framework.test import APIClient

from tests.conftest import working
from tests.runs.conftest import QueueHostile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited"), pytest.mark.once]
KEY = "sk-ant-api03-Zk3Lr8Qw1Xy7"
FORMS = (KEY, KEY.encode().hex(), KEY.encode().hex().upper(), base64.b64encode(KEY.encode()).decode())
TELLS = f"""
import base64
key = {KEY!r}
wrapped = base64.encodebytes(b'u' * 48 + key.encode()).decode()
i = shake_hands()
for text in (key, key.encode().hex(), key.encode().hex().upper(), wrapped, key[:9], key[9:]):
    say(text)
update({{'sessionUpdate': 'agent_thought_chunk', 'messageId': key, 'content': {{'type': 'text', 'text': key}}}})
update({{'sessionUpdate': 'plan', 'entries': [{{'content': key, 'status': 'pending', 'priority': key}}]}})
update({{'sessionUpdate': key, key: [key]}})
update({{'sessionUpdate': 'current_mode_update', 'currentModeId': key}})
for kind in ('execute', 'edit'):
    call = {{'toolCallId': key + kind, 'title': key, 'kind': kind, 'status': 'pending',
            'locations': [{{'path': '/' + key}}], 'rawInput': {{'command': 'echo ' + key, 'cwd': '/' + key}}}}
    update({{'sessionUpdate': 'tool_call', **call}})
    options = [{{'optionId': key + 'yes', 'name': key, 'kind': 'allow_once'}},
               {{'optionId': key + 'no', 'name': key, 'kind': 'reject_once'}}]
    write({{'id': 9, 'method': 'session/request_permission',
           'params': {{'sessionId': 's', 'toolCall': call, 'options': options}}}})
    flush()
    heard = read()
    say('heard it' if heard['result']['outcome']['optionId'] == key + 'yes' else 'misheard')
    update({{'sessionUpdate': 'tool_call_update', 'toolCallId': key + kind, 'status': 'completed',
            'content': [{{'type': 'content', 'content': {{'type': 'text', 'text': wrapped + key}}}}]}})
print(key, file=sys.stderr, flush=True)
write({{'id': i, 'error': {{'code': -32603, 'message': key, 'data': {{key: wrapped}}}}}})
flush()
read()
"""


def leaking(text: str) -> list[str]:
    joined = text.replace("\\n", "").replace("\n", "")
    return [form for form in FORMS if form in joined]


def test_nothing_that_an_agent_sends_keeps_a_secret(
    queue_hostile: QueueHostile, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_PROVIDERS_ANTHROPIC_API_KEY", KEY)
    run = queue_hostile(TELLS)
    with working(run):
        pass
    run.refresh_from_db()
    said = "".join(
        json.loads("{" + body)["message"] for body in run.events.order_by("id").values_list("body", flat=True)
    )
    assert (run.status, said.count("heard it"), said.count("misheard")) == ("failed", 2, 0)
    rows = {model.__name__: list(model._base_manager.values()) for model in apps.get_models()}
    assert {name: leaking(json.dumps(found, default=str)) for name, found in rows.items() if leaking(str(found))} == {}
    kept = [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
    assert [path for path in kept if leaking(path.read_bytes().decode("latin-1"))] == []
    for answer in ("", "/events?limit=200", "/commands", "/permissions", "/catch-up", "/files"):
        shown = api.get(f"/api/runs/{run.pk}{answer}")
        assert (answer, shown.status_code, leaking(shown.content.decode())) == (answer, 200, [])
