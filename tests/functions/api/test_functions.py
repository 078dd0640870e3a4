"""/v2/functions: made, read, listed, changed and deleted; to the types that the SDK checks or hides."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from functions import revising
from functions.models import Completion, DatasetExample, Function, Revision
from opperweb.accounts.models import Project
from traces.models import Span

FUNCTIONS = "/v2/functions"
SCHEMA = {
    "type": "object",
    "properties": {"thoughts": {"type": "string"}, "answer": {"type": "string"}, "a": {"$ref": "#/$defs/A"}},
    "required": ["thoughts", "answer"],
    "$defs": {"A": {"type": "integer"}},
}
FIELDS = {"name": "team/mini.kb-query_2", "instructions": "Answer from the facts."}
WHOLE = {
    **FIELDS,
    "description": "Answers questions",
    "input_schema": {"type": "object", "properties": {"z": {"type": "string"}, "b": {"type": "number"}}},
    "output_schema": SCHEMA,
    "model": [{"name": "rehearsal/echo", "options": {"temperature": 0.1}}, "rehearsal/echo"],
    "configuration": {"invocation.few_shot.count": 1, "mine.own": {"x": [1]}},
    "observer_enabled": False,
}
DEFAULTS = {
    "invocation.few_shot.count": 3,
    "invocation.structured_generation.max_attempts": 5,
    "invocation.cache.ttl": 0,
    "beta.invocation.input_validation.enabled": False,
    "beta.invocation.xml_mode.enabled": False,
}


def make(api: Any, **fields: Any) -> dict[str, Any]:
    response = api.post(FUNCTIONS, {**FIELDS, **fields})
    assert response.status_code == 201, response.content
    return dict(response.json())


def test_a_function_is_returned_as_it_was_given_to_the_order_of_keys(api: Any) -> None:
    made = make(api, **WHOLE)
    assert made == {
        "id": made["id"],
        "dataset_id": made["dataset_id"],
        "revision_id": made["revision_id"],
        **WHOLE,
        "configuration": {**DEFAULTS, "invocation.few_shot.count": 1, "mine.own": {"x": [1]}},
    }
    assert len({uuid.UUID(made[name]) for name in ("id", "dataset_id", "revision_id")}) == 3
    for name in ("input_schema", "output_schema"):
        assert str(made[name]) == str(WHOLE[name])
    for path in (made["id"], f"by-name/{WHOLE['name']}", "by-name/team%2Fmini.kb-query_2"):
        response = api.get(f"{FUNCTIONS}/{path}")
        assert (response.status_code, response.json()) == (200, made)


def test_what_is_not_given_is_null_and_the_configuration_says_what_holds(api: Any) -> None:
    made = make(api, description=None, model=None, configuration=None)
    assert {name: made[name] for name in ("description", "input_schema", "output_schema", "model")} == dict.fromkeys(
        ("description", "input_schema", "output_schema", "model")
    )
    assert made["configuration"] == DEFAULTS
    assert made["observer_enabled"] is True
    assert made["instructions"] == FIELDS["instructions"]


def test_a_function_that_a_call_made_is_found_by_its_name(api: Any) -> None:
    api.post("/v2/call", {"name": "über / eins?", "input": "x", "model": "rehearsal/echo"})
    found = api.get(f"{FUNCTIONS}/by-name/%C3%BCber%20%2F%20eins%3F")
    assert (found.status_code, found.json()["name"]) == (200, "über / eins?")
    assert found.json()["instructions"] == ""
    assert api.post(FUNCTIONS, {**FIELDS, "name": "über / eins?"}).status_code == 409


def test_a_name_is_taken_once_in_a_project(api: Any, other_api: Any) -> None:
    make(api)
    refused = api.post(FUNCTIONS, FIELDS)
    assert (refused.status_code, refused.json()["type"]) == (409, "ConflictError")
    assert "detail" in refused.json()
    other = make(api, name="other")
    refused = api.patch(f"{FUNCTIONS}/{other['id']}", {"name": FIELDS["name"], "instructions": "x"})
    assert refused.status_code == 409
    assert api.get(f"{FUNCTIONS}/{other['id']}").json() == other
    make(other_api)


@pytest.mark.parametrize(
    ("wrong", "loc"),
    [
        ({"name": None}, ["body", "name"]),
        ({"name": ""}, ["body", "name"]),
        ({"name": "x" * 300}, ["body", "name"]),
        ({"name": "a\nb"}, ["body", "name"]),
        ({"name": 5}, ["body", "name"]),
        ({"instructions": None}, ["body", "instructions"]),
        ({"instructions": ["x"]}, ["body", "instructions"]),
        ({"description": 5}, ["body", "description"]),
        ({"observer_enabled": "yes"}, ["body", "observer_enabled"]),
        ({"input_schema": "text"}, ["body", "input_schema"]),
        ({"input_schema": {"type": "nonsense"}}, ["body", "input_schema", "type"]),
        ({"output_schema": {"properties": {"a": {"$ref": "#/$defs/No"}}}}, ["body", "output_schema", "properties"]),
        ({"output_schema": {"description": "x" * 600_000}}, ["body", "output_schema"]),
        ({"model": 5}, ["body", "model"]),
        ({"model": [{"name": "rehearsal/echo", "options": 5}]}, ["body", "model", 0, "options"]),
        ({"configuration": [1]}, ["body", "configuration"]),
        ({"configuration": {"invocation.cache.ttl": "x"}}, ["body", "configuration", "invocation.cache.ttl"]),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(api: Any, wrong: dict[str, Any], loc: list[Any]) -> None:
    refused = api.post(FUNCTIONS, {**FIELDS, **wrong})
    assert refused.status_code == 422, refused.content
    assert refused.json()["type"] == "RequestValidationError"
    assert refused.json()["detail"][0]["loc"][: len(loc)] == loc
    assert not Function.objects.exists()
    there = make(api, name="there")
    if None not in wrong.values():
        changed = api.patch(f"{FUNCTIONS}/{there['id']}", wrong)
        assert changed.status_code == 422
        assert changed.json()["detail"][0]["loc"][: len(loc)] == loc
    assert Revision.objects.count() == 1


def test_a_schema_that_leads_back_to_itself_is_kept_and_one_that_is_too_deep_is_refused(api: Any) -> None:
    tree = {"$ref": "#/$defs/Tree", "$defs": {"Tree": {"properties": {"kids": {"items": {"$ref": "#/$defs/Tree"}}}}}}
    assert make(api, output_schema=tree)["output_schema"] == tree
    deep: dict[str, Any] = {}
    for _ in range(60):
        deep = {"properties": {"a": deep}}
    assert api.post(FUNCTIONS, {**FIELDS, "name": "deep", "output_schema": deep}).status_code == 422
    circle = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}
    assert api.post(FUNCTIONS, {**FIELDS, "name": "circle", "output_schema": circle}).status_code in (201, 422)


def test_a_body_above_the_limit_is_refused(api: Any, settings: Any) -> None:
    settings.MAX_BODY_MB = 1
    assert api.post(FUNCTIONS, {**FIELDS, "output_schema": {"description": "x" * 1_100_000}}).status_code == 413


def test_a_model_that_nobody_knows_is_not_found(api: Any) -> None:
    assert api.post(FUNCTIONS, {**FIELDS, "model": "nobody/x"}).status_code == 404
    assert not Function.objects.exists()


# --- changes ----------------------------------------------------------------------------------------------------------


def test_a_change_is_a_new_revision_and_only_what_is_sent_changes(api: Any) -> None:
    made = make(api, **WHOLE)
    changed = api.patch(f"{FUNCTIONS}/{made['id']}", {"instructions": "Be brief."})
    assert changed.status_code == 200
    assert changed.json()["revision_id"] != made["revision_id"]
    assert changed.json() == {**made, "instructions": "Be brief.", "revision_id": changed.json()["revision_id"]}
    assert api.get(f"{FUNCTIONS}/{made['id']}").json() == changed.json()


@pytest.mark.parametrize(
    ("change", "after"),
    [
        ({"description": None}, {"description": None}),
        ({"input_schema": None}, {"input_schema": None}),
        ({"output_schema": None}, {"output_schema": None}),
        ({"model": None}, {"model": None}),
        ({"configuration": None}, {"configuration": DEFAULTS}),
        ({"configuration": {"mine.own": None}}, {"configuration": {**DEFAULTS, "invocation.few_shot.count": 1}}),
        (
            {"configuration": {"invocation.cache.ttl": 60}},
            {
                "configuration": {
                    **DEFAULTS,
                    "invocation.few_shot.count": 1,
                    "invocation.cache.ttl": 60,
                    "mine.own": {"x": [1]},
                }
            },
        ),
        ({"name": "renamed"}, {"name": "renamed"}),
        ({"observer_enabled": True}, {"observer_enabled": True}),
        ({"model": "rehearsal/echo"}, {"model": "rehearsal/echo"}),
    ],
)
def test_null_empties_what_can_be_empty_and_the_configuration_is_merged(
    api: Any, change: dict[str, Any], after: dict[str, Any]
) -> None:
    made = make(api, **WHOLE)
    changed = api.patch(f"{FUNCTIONS}/{made['id']}", change).json()
    assert changed == {**made, **after, "revision_id": changed["revision_id"]}
    assert changed["revision_id"] != made["revision_id"]


@pytest.mark.parametrize("change", [{}, {"name": None, "instructions": None}, {"description": "Answers questions"}])
def test_a_change_that_changes_nothing_is_no_revision(api: Any, change: dict[str, Any]) -> None:
    made = make(api, **{**WHOLE, "configuration": {"invocation.cache.ttl": None}})
    changed = api.patch(f"{FUNCTIONS}/{made['id']}", change)
    assert (changed.status_code, changed.json()) == (200, made)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "must not have . or .. between its slashes"),
        ("..", "must not have . or .. between its slashes"),
        ("team/../other", "must not have . or .. between its slashes"),
        ("team/.", "must not have . or .. between its slashes"),
        ("a\x07b", "must not contain control characters"),
        ("a" * 300, "must have at most 255 characters, and has 300"),
        (" ", "must not be blank"),
        ("", "must not be blank"),
    ],
)
def test_a_name_that_no_function_can_have_is_refused(api: Any, name: str, words: str) -> None:
    made = api.post(FUNCTIONS, FIELDS).json()
    for response in (
        api.post(FUNCTIONS, {**FIELDS, "name": name}),
        api.patch(f"{FUNCTIONS}/{made['id']}", {"name": name}),
        api.post("/v2/call", {"name": name, "input": "x"}),
        api.post("/v2/call", {"name": name, "input": "x", "background": True}),
        api.post("/v2/call/stream", {"name": name, "input": "x"}),
        api.post("/v2/call/batch", {"name": name, "inputs": ["x"]}),
    ):
        assert response.status_code == 422
        (problem,) = response.json()["detail"]
        assert (problem["loc"], problem["msg"]) == (["body", "name"], words)
        assert problem["input"] == name or len(name) == 300
    assert Function.objects.count() == 1
    assert api.post(FUNCTIONS, {**FIELDS, "name": "v1..2/.hidden"}).status_code == 201


def test_a_function_with_a_name_from_before_the_rule_is_called_by_its_id(api: Any, project: Any) -> None:
    made = make(api, model="rehearsal/echo")
    Function.objects.filter(pk=made["id"]).update(name="a\x07b")
    assert api.post("/v2/call", {"name": "a\x07b", "input": "x"}).status_code == 422
    answer = api.post(f"{FUNCTIONS}/{made['id']}/call", {"input": "x"})
    assert answer.status_code == 200, answer.content
    assert api.patch(f"{FUNCTIONS}/{made['id']}", {"name": "ab"}).json()["name"] == "ab"


def test_a_renamed_function_is_found_by_its_new_name_alone(api: Any) -> None:
    made = make(api)
    api.patch(f"{FUNCTIONS}/{made['id']}", {"name": "renamed/it"})
    assert api.get(f"{FUNCTIONS}/by-name/renamed/it").json()["id"] == made["id"]
    assert api.get(f"{FUNCTIONS}/by-name/{FIELDS['name']}").status_code == 404


def test_who_made_a_revision_is_kept(api: Any) -> None:
    made = make(api)
    api.patch(f"{FUNCTIONS}/{made['id']}", {"instructions": "x"})
    assert [revision.api_key.name for revision in Revision.objects.all() if revision.api_key] == ["tests", "tests"]


# --- deletion ---------------------------------------------------------------------------------------------------------


def test_a_deleted_function_is_gone_by_id_and_name_and_its_spans_keep_their_data(api: Any) -> None:
    made = make(api, model="rehearsal/echo")
    one = f"{FUNCTIONS}/{made['id']}"
    entry = api.post(f"/v2/datasets/{made['dataset_id']}", {"input": "a", "output": "b"}).json()
    span_id = api.post(f"{one}/call", {"input": "hello"}).json()["span_id"]
    assert api.delete(one).status_code == 204
    for path in (one, f"{FUNCTIONS}/by-name/{FIELDS['name']}", f"{one}/revisions"):
        assert api.get(path).status_code == 404
    assert api.get(f"{one}/revisions/{made['revision_id']}").status_code == 404
    assert api.get(f"/v2/datasets/{made['dataset_id']}/entries/{entry['id']}").status_code == 404
    assert api.post(f"{one}/call", {"input": "hello"}).status_code == 404
    assert api.post(f"{one}/call/{made['revision_id']}", {"input": "hello"}).status_code == 404
    assert api.delete(one).status_code == 404
    span = Span.objects.select_related("body").get(id=span_id)
    assert (span.name, span.function_name, span.body.input) == (FIELDS["name"], FIELDS["name"], "hello")
    assert span.body.instructions == FIELDS["instructions"]
    assert Completion.objects.get(span=span).function is None
    assert not DatasetExample.objects.exists()
    again = make(api)
    assert again["id"] != made["id"]
    assert again["dataset_id"] != made["dataset_id"]


# --- lists ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(project: Project) -> list[Function]:
    made = []
    for number, name in enumerate(["b/Planets", "a/planets", "c/moons"]):
        function = revising.create(project, name, {"instructions": f"no {number}", "output_schema": SCHEMA})
        Function.objects.filter(pk=function.pk).update(created_at=timezone.now() + timedelta(seconds=number))
        made.append(function)
    revising.save(made[0], {"instructions": "newest", "model": "rehearsal/echo"})
    return made


def names(api: Any, **query: Any) -> list[str]:
    return [one["name"] for one in api.get(FUNCTIONS, query).json()["data"]]


def test_the_list_has_each_function_with_its_newest_revision(api: Any, three: list[Function]) -> None:
    listed = api.get(FUNCTIONS).json()
    assert listed["meta"] == {"total_count": 3}
    newest = three[0].revisions.order_by("-number")[0]
    assert listed["data"][2] == {
        "id": str(three[0].pk),
        "name": "b/Planets",
        "revision_id": str(newest.pk),
        "description": None,
        "instructions": "newest",
        "model": "rehearsal/echo",
    }


def test_the_list_is_sorted_filtered_and_paged(api: Any, three: list[Function]) -> None:
    assert names(api) == names(api, sort="-created_at") == ["c/moons", "a/planets", "b/Planets"]
    assert names(api, sort="created_at") == ["b/Planets", "a/planets", "c/moons"]
    assert names(api, sort="name") == ["a/planets", "b/Planets", "c/moons"]
    assert names(api, sort="-name") == ["c/moons", "b/Planets", "a/planets"]
    assert names(api, name="plan", sort="name") == ["a/planets", "b/Planets"]
    assert names(api, name="%") == []
    assert names(api, sort="name", offset=1, limit=1) == ["b/Planets"]
    filtered = api.get(FUNCTIONS, {"name": "plan", "limit": 1}).json()
    assert (filtered["meta"]["total_count"], len(filtered["data"])) == (2, 1)


@pytest.mark.parametrize("query", [{"sort": "size"}, {"limit": 0}, {"limit": 101}, {"offset": -1}, {"offset": "x"}])
def test_a_list_that_makes_no_sense_is_refused(api: Any, project: Project, query: dict[str, Any]) -> None:
    refused = api.get(FUNCTIONS, query)
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["query", *query]


def test_the_list_takes_a_fixed_number_of_queries_and_no_schemas(
    api: Any, project: Project, three: list[Function], django_assert_num_queries: Any
) -> None:
    api.get(FUNCTIONS)
    # The key, the page, the revisions of the page, the count.
    with django_assert_num_queries(4) as found:
        assert len(api.get(FUNCTIONS).json()["data"]) == 3
    assert not [query["sql"] for query in found if "output_schema" in query["sql"]]
    for number in range(10):
        revising.create(project, f"more {number}", {"instructions": "x"})
    with django_assert_num_queries(4):
        assert len(api.get(FUNCTIONS).json()["data"]) == 13


# --- who may ----------------------------------------------------------------------------------------------------------


def test_another_projects_functions_are_not_there(api: Any, other_api: Any) -> None:
    made = make(api)
    one = f"{FUNCTIONS}/{made['id']}"
    assert other_api.get(FUNCTIONS).json() == {"meta": {"total_count": 0}, "data": []}
    for path in (one, f"{FUNCTIONS}/by-name/{FIELDS['name']}", f"{one}/revisions"):
        assert other_api.get(path).status_code == 404
    assert other_api.get(f"{one}/revisions/{made['revision_id']}").status_code == 404
    assert other_api.patch(one, {"instructions": "mine"}).status_code == 404
    assert other_api.delete(one).status_code == 404
    assert other_api.post(f"{one}/call", {"input": "x"}).status_code == 404
    assert api.get(one).json() == made


def test_a_key_is_needed_and_one_that_reads_changes_nothing(nobody_api: Any, api: Any, read_key: str) -> None:
    made = make(api)
    assert nobody_api.get(FUNCTIONS).status_code == 401
    reader = type(api)(read_key)
    assert reader.get(f"{FUNCTIONS}/{made['id']}").status_code == 200
    assert reader.patch(f"{FUNCTIONS}/{made['id']}", {"name": "x"}).status_code == 403
    assert reader.delete(f"{FUNCTIONS}/{made['id']}").status_code == 403


def test_ids_that_are_none_are_refused_and_unknown_ones_not_found(api: Any) -> None:
    for send in (api.get, api.delete, lambda path: api.patch(path, {})):
        assert send(f"{FUNCTIONS}/nonsense").status_code == 422
        assert send(f"{FUNCTIONS}/{uuid.uuid4()}").status_code == 404
    assert api.get(f"{FUNCTIONS}/by-name/nobody/here").status_code == 404
    refused = api.get(f"{FUNCTIONS}/nonsense").json()
    assert refused["detail"][0]["loc"][0] == "path"
    assert api.put(f"{FUNCTIONS}/{uuid.uuid4()}").status_code == 405
    assert api.get(f"{FUNCTIONS}/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_the_same_request_twice_makes_one_function(api: Any) -> None:
    first, again = (api.post(FUNCTIONS, FIELDS, headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    assert Function.objects.count() == 1


def test_every_address_of_functions_and_datasets_is_described(client: Any, db: None) -> None:
    paths = client.get("/api/schema").json()["paths"]
    described = {
        path: sorted(item) for path, item in paths.items() if path.startswith(("/v2/functions", "/v2/datasets"))
    }
    assert described == {
        "/v2/functions": ["get", "post"],
        "/v2/functions/by-name/{name}": ["get"],
        "/v2/functions/{function_id}": ["delete", "get", "patch"],
        "/v2/functions/{function_id}/call": ["post"],
        "/v2/functions/{function_id}/call/stream": ["post"],
        "/v2/functions/{function_id}/call/stream/{revision_id}": ["post"],
        "/v2/functions/{function_id}/call/{revision_id}": ["post"],
        "/v2/functions/{function_id}/revisions": ["get"],
        "/v2/functions/{function_id}/revisions/{revision_id}": ["get"],
        "/v2/datasets/{dataset_id}": ["post"],
        "/v2/datasets/{dataset_id}/entries": ["get"],
        "/v2/datasets/{dataset_id}/entries/query": ["post"],
        "/v2/datasets/{dataset_id}/entries/{entry_id}": ["delete", "get", "patch"],
    }
    made = paths["/v2/functions"]["post"]
    assert "201" in made["responses"]
    assert made["summary"] == "Make a function"
