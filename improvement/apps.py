"""The Django app that holds the domain's tables."""

from django.apps import AppConfig


class ImprovementConfig(AppConfig):
    """Configuration of the one domain app."""

    name = "improvement"
    default_auto_field = "django.db.models.BigAutoField"
