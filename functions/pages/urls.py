"""The pages of functions, below /projects/<project>/."""

from __future__ import annotations

from django.urls import include, path

from functions.pages import batches, completions, models, prices, providers, samples, webhooks

app_name = "functions"

# A space of names of their own, by which the sidebar knows them.
completion_patterns = [
    path("", completions.completions, name="list"),
    path("<uuid:span_id>/", completions.completion, name="detail"),
    path("batches/", batches.batches, name="batches"),
    path("batches/<uuid:batch_id>/", batches.batch, name="batch"),
    path("batches/<uuid:batch_id>/limits/", batches.change_limits, name="batch-limits"),
    path("batches/<uuid:batch_id>/cancel/", batches.cancel, name="cancel-batch"),
    path("batches/<uuid:batch_id>/again/", batches.run_again, name="run-batch-again"),
    path("batches/<uuid:batch_id>/results.jsonl", batches.results, name="batch-results"),
]

urlpatterns = [
    path("completions/", include((completion_patterns, "completions"))),
    path("samples/load/", samples.load, name="load-samples"),
    path("samples/remove/", samples.remove, name="remove-samples"),
    path("settings/providers/", providers.providers, name="providers"),
    path("settings/providers/new/", providers.new_provider, name="new-provider"),
    path("settings/providers/test/", providers.test_providers, name="test-providers"),
    path("settings/providers/<uuid:account_id>/", providers.edit_provider, name="edit-provider"),
    path("settings/providers/<uuid:account_id>/switch/", providers.switch_provider, name="switch-provider"),
    path("settings/providers/<uuid:account_id>/delete/", providers.delete_provider, name="delete-provider"),
    path("settings/providers/by-name/<str:name>/test/", providers.test_provider, name="test-provider"),
    path("settings/providers/by-name/<str:name>/resume/", providers.resume_provider, name="resume-provider"),
    path("settings/models/", models.models, name="models"),
    path("settings/models/aliases/new/", models.new_alias, name="new-alias"),
    path("settings/models/aliases/<uuid:alias_id>/", models.edit_alias, name="edit-alias"),
    path("settings/models/aliases/<uuid:alias_id>/delete/", models.delete_alias, name="delete-alias"),
    path("settings/models/custom/new/", models.new_custom, name="new-custom-model"),
    path("settings/models/custom/<uuid:custom_id>/", models.edit_custom, name="edit-custom-model"),
    path("settings/models/custom/<uuid:custom_id>/delete/", models.delete_custom, name="delete-custom-model"),
    path("settings/prices/", prices.prices, name="prices"),
    path("settings/prices/new/", prices.new_price, name="new-price"),
    path("settings/prices/reprice/", prices.reprice, name="reprice"),
    path("settings/prices/<uuid:price_id>/", prices.edit_price, name="edit-price"),
    path("settings/prices/<uuid:price_id>/delete/", prices.delete_price, name="delete-price"),
    path("settings/webhooks/", webhooks.webhooks, name="webhooks"),
    path("settings/webhooks/signing/", webhooks.show_secret, name="webhook-secret"),
    path("settings/webhooks/signing/replace/", webhooks.replace_secret, name="replace-webhook-secret"),
    path("settings/webhooks/<uuid:delivery_id>/send/", webhooks.send_again, name="send-again"),
]
