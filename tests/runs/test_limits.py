"""A run that uses more than it may is ended for that, and says so: its end, which is seen sooner, is not the reason."""

import pytest
from rest_framework.test import APIClient

from projects.models import Project
from tests.conftest import QueueRun, working
from tests.runs.conftest import QueueHostile

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited"), pytest.mark.once]
FILL = "head -c 120000000 /dev/zero > full; sleep 600"
EXCESSES = {
    "memory": ("SANDBOX_MEMORY_GB", "0.25", "held = bytearray(b'1') * 350_000_000; time.sleep(600)"),
    "disk": ("SANDBOX_DISK_GB", "0.1", f"os.system('{FILL}')"),
}


@pytest.mark.parametrize("kind", EXCESSES)
def test_an_agent_that_uses_too_much_fails_the_run_with_that_reason(
    queue_hostile: QueueHostile, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    param, most, body = EXCESSES[kind]
    monkeypatch.setenv(f"QUARTERDECK_PARAM_{param}", most)
    run = queue_hostile(f"shake_hands(); {body}")
    with working(run):
        pass
    run.refresh_from_db()
    assert (run.status, (run.error or {}).get("code")) == ("failed", f"{kind}-limit")
    assert f"MiB of {kind}" in (run.error or {})["message"]


def test_a_setup_command_that_uses_too_much_says_so(
    api: APIClient, cloned: Project, carry_out: QueueRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_SANDBOX_DISK_GB", "0.1")
    assert api.put(f"/api/projects/{cloned.pk}", {"setupCommands": [FILL]}).status_code == 200
    run = carry_out("Hello.")
    assert "used too much (disk) and was ended" in (run.error or {})["message"]
