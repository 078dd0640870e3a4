"""The page of usage, at /projects/<project>/usage/."""

from __future__ import annotations

from django.urls import path

from traces.pages.usage import usage

app_name = "usage"

urlpatterns = [path("", usage, name="usage")]
