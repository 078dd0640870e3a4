"""The pages of functions, below /projects/<project>/."""

from __future__ import annotations

from django.urls import include, path

from functions.pages import (
    completions,
    copy_call,
    function_list,
    models,
    new_function,
    prices,
    providers,
    rating,
    revisions,
    samples,
    webhooks,
)
from functions.pages.batches import page as batches
from functions.pages.definition import page as definition
from functions.pages.definition import review as definition_review
from functions.pages.evaluations import page as evaluations
from functions.pages.evaluations import settings as evaluation_settings
from functions.pages.examples import export as example_export
from functions.pages.examples import importing as example_import
from functions.pages.examples import page as examples
from functions.pages.overview import page as overview
from functions.pages.playground import page as playground
from functions.pages.playground import stream as playground_stream
from functions.pages.replays import page as replays
from functions.pages.review import page as review
from functions.pages.test_runs import page as test_runs

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

# A name may hold slashes: "a/overview" is a name too, so the last part of the address is the page, and what is before
# it the name. What ends in a name alone comes last.
function_patterns = [
    path("", function_list.functions, name="list"),
    path("of-call/<uuid:span_id>/", revisions.of_span, {"page": "function"}, name="function-of-span"),
    path("of-call/<uuid:span_id>/revision/", revisions.of_span, name="revision-of-span"),
    path("of-call/<uuid:span_id>/example/", examples.example_of_span, name="example-of-span"),
    path("new/", new_function.new_function, name="new"),
    path("<path:name>/overview/", overview.overview, name="function"),
    path("<path:name>/replays/", replays.replays, name="replays"),
    path("<path:name>/replays/new/", replays.new_replay, name="new-replay"),
    path("<path:name>/replays/<uuid:replay_id>/", replays.replay, name="replay"),
    path("<path:name>/replays/<uuid:replay_id>/cancel/", replays.cancel_replay, name="cancel-replay"),
    path("<path:name>/replays/<uuid:replay_id>/save/", replays.save_replay, name="save-replay"),
    path("<path:name>/replays/<uuid:replay_id>/pairs.csv", replays.replay_results, name="replay-results"),
    path("<path:name>/definition/", definition.definition, name="definition"),
    path("<path:name>/definition/edit/", definition.edit, name="edit-definition"),
    path("<path:name>/definition/review/", definition_review.review, name="review-definition"),
    path("<path:name>/definition/merge/", definition_review.merge_definition, name="merge-definition"),
    path("<path:name>/definition/function/", definition.change_function, name="edit-function"),
    path("<path:name>/definition/delete/", definition.delete_function, name="delete-function"),
    path("<path:name>/definition/call/", copy_call.copy_call, name="copy-call"),
    path("<path:name>/examples/", examples.examples, name="examples"),
    path("<path:name>/examples/new/", examples.new_example, name="new-example"),
    path("<path:name>/examples/delete/", examples.delete_examples, name="delete-examples"),
    path("<path:name>/examples/keep/", examples.keep_examples, name="keep-examples"),
    path("<path:name>/examples/import/", example_import.import_examples, name="import-examples"),
    path("<path:name>/examples/examples.jsonl", example_export.export_jsonl, name="export-examples"),
    path("<path:name>/examples/examples.csv", example_export.export_csv, name="export-examples-csv"),
    path("<path:name>/examples/<uuid:example_id>/", examples.example, name="example"),
    path("<path:name>/evaluations/", evaluations.evaluations, name="evaluations"),
    path("<path:name>/evaluations/again/<slug:what>/", evaluations.evaluate_again, name="evaluate-again"),
    path("<path:name>/evaluations/rubric/", evaluation_settings.change_rubric, name="change-rubric"),
    path("<path:name>/evaluations/rules/", evaluation_settings.change_rules, name="change-rules"),
    path("<path:name>/evaluations/sampling/", evaluation_settings.change_sampling, name="change-sampling"),
    path("<path:name>/evaluations/learning/", evaluation_settings.change_learning, name="change-learning"),
    path("<path:name>/evaluations/learning/remove/", evaluation_settings.remove_automatic, name="remove-automatic"),
    path("<path:name>/evaluations/<uuid:span_id>/now/", evaluations.evaluate_one, name="evaluate-now"),
    path("<path:name>/evaluations/<uuid:span_id>/settle/", evaluations.settle, name="settle"),
    path("<path:name>/evaluations/<uuid:span_id>/example/", evaluations.keep_right_answer, name="keep-right-answer"),
    path("<path:name>/tests/", test_runs.test_runs, name="test-runs"),
    path("<path:name>/tests/new/", test_runs.new_test_run, name="new-test-run"),
    path("<path:name>/tests/<uuid:run_id>/", test_runs.test_run, name="test-run"),
    path("<path:name>/tests/<uuid:run_id>/cancel/", test_runs.cancel_test_run, name="cancel-test-run"),
    path("<path:name>/tests/<uuid:run_id>/results.csv", test_runs.test_run_csv, name="test-run-csv"),
    path("<path:name>/tests/<uuid:run_id>/results.jsonl", test_runs.test_run_jsonl, name="test-run-jsonl"),
    path("<path:name>/revisions/", revisions.revisions, name="revisions"),
    path("<path:name>/revisions/restore/", revisions.restore, name="restore-revision"),
    path("<path:name>/", overview.open_function, name="open-function"),
]

urlpatterns = [
    path("completions/", include((completion_patterns, "completions"))),
    path("completions/<uuid:span_id>/rate/", rating.rate, name="rate"),
    path("completions/<uuid:span_id>/unrate/", rating.unrate, name="unrate"),
    path("completions/<uuid:span_id>/correct/", rating.correct, name="correct"),
    path("completions/<uuid:span_id>/evaluate/", rating.evaluate, name="evaluate"),
    path("functions/", include(function_patterns)),
    path("playground/", playground.page, name="playground"),
    path("playground/runs/<uuid:run_id>/<int:number>/", playground_stream.result, name="playground-result"),
    path("playground/runs/<uuid:run_id>/<int:number>/stream/", playground_stream.stream, name="playground-stream"),
    path("review/", review.review, name="review"),
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
    path("settings/evaluation/", evaluation_settings.project_evaluation, name="evaluation-settings"),
    path("settings/webhooks/", webhooks.webhooks, name="webhooks"),
    path("settings/webhooks/signing/", webhooks.show_secret, name="webhook-secret"),
    path("settings/webhooks/signing/replace/", webhooks.replace_secret, name="replace-webhook-secret"),
    path("settings/webhooks/<uuid:delivery_id>/send/", webhooks.send_again, name="send-again"),
]
