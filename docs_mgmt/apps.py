"""Registers the app with Django."""

from django.apps import AppConfig


class DocsMgmtConfig(AppConfig):
    name = "docs_mgmt"
    verbose_name = "Managed documents"
