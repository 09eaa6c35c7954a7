"""The web layer of Countersign, and the process supervisor that starts it."""

from webapp.celery import app as celery_app

__all__ = ["celery_app"]
