"""The Django app of the web layer: templates' tags and the commands that start and check everything."""

from django.apps import AppConfig


class WebappConfig(AppConfig):
    """Configuration of the web layer."""

    name = "webapp"
