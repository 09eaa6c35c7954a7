"""The Django apps of the web layer: its own commands and tags, and which static files are collected."""

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class WebappConfig(AppConfig):
    """Configuration of the web layer."""

    name = "webapp"


class CollectedFilesConfig(StaticFilesConfig):
    """Django's static files without htmx's extensions: nothing uses them, and they import a bare module name."""

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "django_htmx/ext/*"]
