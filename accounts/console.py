"""Signing in to the console: Django's own form, with the API's limits and audit."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.http import HttpRequest, HttpResponse
from rest_framework import status

from accounts.attempts import count_attempt
from accounts.services import audit
from config.api.problems import RateLimited


class ConsoleLoginForm(AdminAuthenticationForm):
    """Email and password of an operator. `refusal` is set when too many passwords were tried."""

    request: HttpRequest
    refusal: RateLimited | None = None

    def clean(self) -> dict[str, Any]:
        email = self.cleaned_data.get("username")
        if not email or not self.cleaned_data.get("password"):
            return self.cleaned_data
        try:
            count_attempt(self.request, email)
        except RateLimited as refusal:
            self.refusal = refusal
            raise forms.ValidationError(str(refusal.detail), code=refusal.default_code) from refusal
        try:
            cleaned: dict[str, Any] = super().clean()
        except forms.ValidationError:
            audit(self.get_user(), "sign_in_failed", email=email, console=True)
            raise
        audit(self.get_user(), "signed_in", console=True)
        return cleaned


class ConsoleSite(admin.AdminSite):
    """The plain admin, whose login answers 429 with `Retry-After` over the limit."""

    login_form = ConsoleLoginForm

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().login(request, extra_context)
        refusal = getattr((getattr(response, "context_data", None) or {}).get("form"), "refusal", None)
        if refusal is not None:
            response.status_code = status.HTTP_429_TOO_MANY_REQUESTS
            response.headers["Retry-After"] = refusal.headers["Retry-After"]
        return response
