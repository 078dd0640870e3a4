"""The addresses of completions and functions in the API."""

from django.urls import path

from functions.api.batches import batch_cancel, batch_detail, batch_list, batch_results, batch_retry
from functions.api.call import call
from functions.api.models import (
    alias_by_name,
    alias_detail,
    alias_list,
    custom_by_name,
    custom_detail,
    custom_list,
    model_list,
)
from functions.api.stream import stream

urlpatterns = [
    path("v2/call", call, name="call"),
    path("v2/call/stream", stream, name="call_stream"),
    path("v2/call/batch", batch_list, name="batches"),
    path("v2/call/batch/<str:batch_id>", batch_detail, name="batch"),
    path("v2/call/batch/<str:batch_id>/cancel", batch_cancel, name="batch_cancel"),
    path("v2/call/batch/<str:batch_id>/retry", batch_retry, name="batch_retry"),
    path("v2/call/batch/<str:batch_id>/results", batch_results, name="batch_results"),
    path("v2/models", model_list, name="models"),
    path("v2/models/custom", custom_list, name="custom_models"),
    path("v2/models/custom/by-name/<path:name>", custom_by_name, name="custom_model_by_name"),
    path("v2/models/custom/<str:model_id>", custom_detail, name="custom_model"),
    path("v2/models/aliases", alias_list, name="aliases"),
    path("v2/models/aliases/by-name/<path:name>", alias_by_name, name="alias_by_name"),
    path("v2/models/aliases/<str:model_id>", alias_detail, name="alias"),
]
