"""The whole URL map. The API has no trailing slashes and never redirects; pages end in one."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from opperweb import health
from opperweb.api import document, fallback

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    path("api/schema", document.schema, name="schema"),
    path("api/docs/", document.docs, name="docs"),
    path("", include("functions.api.urls")),
    path("", include("traces.api.urls")),
    path("admin/", admin.site.urls),
    path("projects/<slug:project>/traces/", include("traces.pages.urls")),
    path("projects/<slug:project>/usage/", include("traces.pages.usage_urls")),
    path("projects/<slug:project>/", include("functions.pages.urls")),
    path("projects/<slug:project>/", include("opperweb.accounts.project_urls")),
    path("", include("opperweb.accounts.urls")),
]

handler400 = fallback.bad_request
handler403 = fallback.forbidden
handler404 = fallback.not_found
handler500 = fallback.server_error
