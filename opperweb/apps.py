"""The project as an app: it brings the commands, and has Celery know its app in every process."""

from django.apps import AppConfig

from opperweb import celery


class OpperwebConfig(AppConfig):
    name = "opperweb"
    default_auto_field = "django.db.models.BigAutoField"
    celery_app = celery.app
