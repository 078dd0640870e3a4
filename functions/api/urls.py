"""The addresses of completions and functions in the API."""

from django.urls import path

from functions.api.batches import batch_cancel, batch_detail, batch_list, batch_results, batch_retry
from functions.api.call import call
from functions.api.datasets import dataset_detail, entry_detail, entry_list, entry_query
from functions.api.feedback import save_examples, span_feedback
from functions.api.function_calls import function_call, function_stream
from functions.api.functions import function_by_name, function_detail, function_list, revision_detail, revision_list
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
    path("v2/functions", function_list, name="functions"),
    path("v2/functions/by-name/<path:name>", function_by_name, name="function_by_name"),
    path("v2/functions/<str:function_id>", function_detail, name="function"),
    path("v2/functions/<str:function_id>/call", function_call, name="function_call"),
    path("v2/functions/<str:function_id>/call/stream", function_stream, name="function_stream"),
    path("v2/functions/<str:function_id>/call/stream/<str:revision_id>", function_stream, name="revision_stream"),
    path("v2/functions/<str:function_id>/call/<str:revision_id>", function_call, name="revision_call"),
    path("v2/functions/<str:function_id>/revisions", revision_list, name="revisions"),
    path("v2/functions/<str:function_id>/revisions/<str:revision_id>", revision_detail, name="revision"),
    path("v2/datasets/<str:dataset_id>", dataset_detail, name="dataset"),
    path("v2/datasets/<str:dataset_id>/entries", entry_list, name="entries"),
    path("v2/datasets/<str:dataset_id>/entries/query", entry_query, name="entries_query"),
    path("v2/datasets/<str:dataset_id>/entries/<str:entry_id>", entry_detail, name="entry"),
    path("v2/spans/<str:span_id>/feedback", span_feedback, name="feedback"),
    path("v2/spans/<str:span_id>/save_examples", save_examples, name="save_examples"),
    path("v2/models", model_list, name="models"),
    path("v2/models/custom", custom_list, name="custom_models"),
    path("v2/models/custom/by-name/<path:name>", custom_by_name, name="custom_model_by_name"),
    path("v2/models/custom/<str:model_id>", custom_detail, name="custom_model"),
    path("v2/models/aliases", alias_list, name="aliases"),
    path("v2/models/aliases/by-name/<path:name>", alias_by_name, name="alias_by_name"),
    path("v2/models/aliases/<str:model_id>", alias_detail, name="alias"),
]
