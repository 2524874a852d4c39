"""Registers the app with Django, and the console's site."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"


class ConsoleConfig(admin.AdminConfig):
    """Django's admin with our login."""

    default = False  # named in the settings; the app's own is the other one
    default_site = "accounts.console.ConsoleSite"
