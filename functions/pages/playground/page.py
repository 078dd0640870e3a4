"""The playground: one input, up to four variants of a definition beside each other, and what came of earlier runs."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from functions import drafts, playground
from functions.models import DatasetExample, Function, PlaygroundRun, PlaygroundVariant
from functions.pages.copy_call import LANGUAGES
from functions.pages.definition.page import names_of
from functions.pages.json_text import text_of
from functions.pages.playground.code import code_of, language_of
from functions.pages.playground.columns import columns_of
from functions.pages.playground.form import AS_JSON, INPUT, Sheet, of_post, of_query, of_run
from functions.pages.playground.results import LETTERS, earlier_runs, results_of
from functions.playground import MOST_VARIANTS, Chosen, Variant
from functions.schemas.form import FormField, Upload, apply_list_button, form_from
from functions.schemas.form import with_problems as form_with_problems
from functions.schemas.validator import Validator
from functions.task import Configuration
from functions.trials.inputs import live_calls
from opperweb.accounts.access import ProjectRequest, has_role, project_page
from opperweb.accounts.models import Project, Role, User
from traces.models import Span

MOST_FUNCTIONS = 50
MOST_EXAMPLES = 12
# A page with scripts asks the variants itself, each by a stream of its own.
STREAMS = "X-Playground"


class Begun(HttpResponseRedirect):
    """The way to a run whose variants are still to be asked."""

    run: PlaygroundRun


@require_http_methods(["GET", "HEAD", "POST"])
async def page(request: HttpRequest, project: str) -> HttpResponse:
    """Show the playground; take what was sent, and where that is a run, ask all variants before the answer goes out."""
    view = sent if request.method == "POST" else shown
    response: HttpResponse = await sync_to_async(view)(request, project=project)
    if isinstance(response, Begun):
        await playground.answer_all(response.run.pk)
    return response


@project_page
def shown(request: HttpRequest, project: Project) -> HttpResponse:
    """Show an address: a run, or a function with what its other parameters say."""
    user = cast(User, request.user)
    run = _run(project, request.GET.get("run", ""))
    if run is not None:
        sheet = of_run(project, user, run, list(run.variants.order_by("number")))
        return _page(request, sheet, run)
    span = _span(project, request.GET.get("span", ""))
    query = request.GET.copy()
    if span is not None:
        _begin_with(span, query)
    sheet = of_query(project, user, query)
    if span is not None:
        _fill_from(sheet, span)
    return _page(request, sheet, None)


@project_page(role=Role.EDITOR)
def sent(request: HttpRequest, project: Project) -> HttpResponse:
    """Do what the pressed button says, and show the page with all that was typed; or begin a run."""
    run = _run(project, request.GET.get("run", ""))
    function = run.function if run is not None else None
    if run is None and (name := request.GET.get("function", "")):
        function = get_object_or_404(Function, project=project, name=name)
    if function is not None:
        function.project = project
    texts: dict[str, str] = dict(request.POST.items())  # type: ignore[arg-type]
    sheet = of_post(project, cast(User, request.user), function, texts, _uploads(request))
    if changed := apply_list_button(texts):
        sheet.post = {
            name: text for name, text in changed.items() if name in sheet.post or name.startswith(f"{INPUT}.")
        }
        return _page(request, sheet, run)
    do, _space, what = request.POST.get("do", "").partition(" ")
    if do == "run":
        return _begun(request, sheet, run)
    _pressed(sheet, do, what)
    return _page(request, sheet, run, status=422 if sheet.errors else 200)


# --- buttons ----------------------------------------------------------------------------------------------------------


def _pressed(sheet: Sheet, do: str, what: str) -> None:
    if do == "variant" and len(sheet.columns) < MOST_VARIANTS:
        sheet.columns.append({**sheet.columns[-1], "shows": ""})
    elif do == "drop" and what in LETTERS[: len(sheet.columns)] and len(sheet.columns) > 1:
        del sheet.columns[LETTERS.index(what)]
    elif do == "paste":
        sheet.post = {AS_JSON: ""}
    elif do == "show" and what in ("json", "form"):
        _show(sheet, is_json=what == "json")
    elif do == "fill" and sheet.function is not None:
        _fill(sheet, sheet.function, what)


def _show(sheet: Sheet, *, is_json: bool) -> None:
    """Show the same input as JSON or as a form; what cannot be read stays as it is."""
    if is_json == sheet.is_json:
        return
    if sheet.is_json and not sheet.post[AS_JSON].strip():
        sheet.post = {}
        return
    value = sheet.value()
    if sheet.errors.keys() - {INPUT} or (sheet.is_json and INPUT in sheet.errors):
        return
    is_empty = bool(sheet.errors.pop(INPUT, ""))
    sheet.post = {AS_JSON: ""} if is_json else {}
    if not is_empty:
        sheet.fill(value)


def _fill(sheet: Sheet, function: Function, what: str) -> None:
    if what == "last":
        span = live_calls(function).order_by("-completion__created_at").select_related("body").first()
        if span is None:
            sheet.errors[INPUT] = _("This function has answered no call yet.")
        else:
            sheet.fill(span.body.input)
        return
    example = DatasetExample.objects.filter(function=function, id=_uuid(what)).first()
    if example is None:
        sheet.errors[INPUT] = _("The example is there no longer.")
    else:
        sheet.fill(example.input)


def _begun(request: HttpRequest, sheet: Sheet, shown_run: PlaygroundRun | None) -> HttpResponse:
    """Check everything, keep a run, and lead to it; or show what is wrong."""
    value = sheet.value()
    variants = sheet.variants()
    for letter, (_variant, chosen) in zip(LETTERS, variants, strict=False):
        sheet.check(letter, chosen)
    form = _form(sheet, value, variants)
    if sheet.errors or form is not None:
        return _page(request, sheet, shown_run, form=form, status=422)
    run = playground.create(sheet.project, sheet.user, sheet.basis(LETTERS[0]), value, variants)
    if STREAMS in request.headers:
        sheet.columns = [{**texts, "shows": str(number)} for number, texts in enumerate(sheet.columns)]
        return _page(request, sheet, run)
    response = Begun(_address(sheet, run))
    response.run = run
    return response


def _form(sheet: Sheet, value: Any, variants: list[tuple[Variant, Chosen]]) -> FormField | None:
    """Return the form with what does not fit, where the definition has its inputs checked; None where all is well."""
    values = variants[0][1].values
    if sheet.errors or sheet.schema is None or not Configuration.from_dict(values["configuration"]).validates_input:
        return None
    problems = Validator(sheet.schema).problems(value)
    if not problems:
        return None
    return form_with_problems(form_from(sheet.schema, sheet.post, INPUT), problems)


def _uploads(request: HttpRequest) -> dict[str, Upload]:
    found = ((name, cast("UploadedFile[Any]", file)) for name, file in request.FILES.items())
    return {name: Upload(file.content_type or "", file.read(), file.name or "") for name, file in found}


# --- where a page begins ----------------------------------------------------------------------------------------------


def _run(project: Project, text: str) -> PlaygroundRun | None:
    if not text:
        return None
    return get_object_or_404(PlaygroundRun.objects.select_related("function"), project=project, pk=_uuid(text))


def _span(project: Project, text: str) -> Span | None:
    if not text:
        return None
    spans = Span.objects.select_related("body", "completion__function")
    span = spans.filter(project=project, id=_uuid(text)).first()
    if span is None or not hasattr(span, "body"):
        raise Http404("No such span")
    return span


def _begin_with(span: Span, query: Any) -> None:
    """Have the address name the function of a call, and its revision, where it does not say another."""
    completion = getattr(span, "completion", None)
    if "function" in query or completion is None or completion.function is None:
        return
    query["function"] = completion.function.name
    if "a" not in query and span.revision_number:
        query["a"] = str(span.revision_number)


def _fill_from(sheet: Sheet, span: Span) -> None:
    if sheet.function is None and isinstance(span.body.instructions, str):
        schemas = {"input_schema": span.body.input_schema, "output_schema": span.body.output_schema}
        sheet.typed = {"instructions": span.body.instructions} | {
            name: text_of(schema) for name, schema in schemas.items() if isinstance(schema, dict)
        }
        sheet.columns[0].setdefault("model", span.requested_model)
    sheet.fill(span.body.input)


def _uuid(text: str) -> UUID:
    """Return the id that a text says; one that nothing has where it says none."""
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


# --- the page ---------------------------------------------------------------------------------------------------------


def _page(
    request: HttpRequest, sheet: Sheet, run: PlaygroundRun | None, *, form: FormField | None = None, status: int = 200
) -> HttpResponse:
    project = sheet.project
    is_member = has_role(cast(ProjectRequest, request).membership, Role.EDITOR)
    results = results_of(run, project, view=request.GET.get("view", "")) if run is not None else {}
    columns = columns_of(sheet, results)
    # Last: what stands in it was read on the way.
    form = form or form_from(sheet.schema, sheet.post, INPUT, sheet.errors)
    functions = project.functions.order_by("name").values_list("name", flat=True)
    context = {
        "project": project,
        "rail": True,
        "function": sheet.function,
        "newest": sheet.newest,
        "run": run,
        "sheet": sheet,
        "form": form,
        "columns": columns,
        "may_add": len(columns) < MOST_VARIANTS,
        "may_edit": is_member,
        "functions": list(functions[:MOST_FUNCTIONS]),
        "examples": _examples(sheet.function) if is_member else [],
        "offers": names_of(project) if is_member else [],
        "earlier": earlier_runs(project, sheet.function),
        "tags": playground.TAGS.items(),
        "address": _address(sheet, run),
        "whole_address": request.build_absolute_uri(_address(sheet, run)),
        **_code(request, sheet, run),
    }
    return render(request, "functions/playground.html", context, status=status)


def _address(sheet: Sheet, run: PlaygroundRun | None) -> str:
    query = {"function": sheet.function.name} if sheet.function is not None else {}
    if run is not None:
        query["run"] = str(run.pk)
    base = reverse("functions:playground", args=[sheet.project.slug])
    return f"{base}?{urlencode(query)}" if query else base


def _examples(function: Function | None) -> list[DatasetExample]:
    if function is None:
        return []
    examples = DatasetExample.objects.filter(function=function, misfit="").only("id", "input_preview")
    return list(examples.order_by("-created_at", "-key")[:MOST_EXAMPLES])


def _code(request: HttpRequest, sheet: Sheet, run: PlaygroundRun | None) -> dict[str, Any]:
    """Return a variant of the run as a call, where the address asks for that."""
    language, letter = language_of(request.GET.get("as", "")), request.GET.get("of", "a")
    if run is None or not language or letter not in LETTERS:
        return {}
    variant = PlaygroundVariant.objects.filter(run=run, number=LETTERS.index(letter)).first()
    if variant is None:
        return {}
    variant.run = run
    stored = drafts.definition_of(sheet.newest) if sheet.newest is not None else None
    address = f"{request.scheme}://{request.get_host()}"
    code = code_of(variant, sheet.function, stored, language=language, address=address)
    return {"code": code, "language": language, "languages": LANGUAGES.items(), "code_of": letter}
