"""The operator console: every model has its page, and its actions go through the services."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import User
from runs.models import Run

OURS = {"accounts", "settings_params", "projects", "runs", "snapshots"}


@pytest.fixture
def console(db: None) -> Client:
    """An operator's browser."""
    client = Client()
    client.force_login(User.objects.create_superuser("op@example.com", "a-password-of-an-operator"))
    return client


@pytest.mark.parametrize("model", [m for m in apps.get_models() if m._meta.app_label in OURS], ids=str)
def test_every_model_has_a_list_in_the_console(console: Client, run: Run, model: type) -> None:
    assert admin.site.is_registered(model) or model.__name__ == "Membership"
    if model.__name__ == "Membership":
        return
    options = model._meta  # type: ignore[attr-defined]

    assert console.get(reverse(f"admin:{options.app_label}_{options.model_name}_changelist")).status_code == 200


def test_a_run_is_cancelled_from_the_console(console: Client, run: Run) -> None:
    console.post(reverse("admin:runs_run_changelist"), {"action": "cancel", "_selected_action": [run.pk]})

    run.refresh_from_db()
    assert run.status == Run.Status.CANCELLED


def test_somebody_who_is_no_operator_does_not_get_in(user: User) -> None:
    client = Client()
    client.force_login(user)

    assert client.get("/admin/").status_code == 302
