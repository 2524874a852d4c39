"""Registers the app with Django."""

from django.apps import AppConfig


class SettingsParamsConfig(AppConfig):
    name = "settings_params"
    verbose_name = "Server settings"
