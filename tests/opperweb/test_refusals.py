"""A NUL in an address is refused before any view sees it."""

import json

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from opperweb.refusals import RefusalMiddleware

ask = RequestFactory()


@pytest.mark.parametrize("path", ["/v2/spans/%00", "/v2/traces?name=a%00b"])
def test_the_api_answers_with_its_own_body(path):
    response = RefusalMiddleware(lambda request: HttpResponse("reached"))(ask.get(path))
    assert response.status_code == 400
    assert json.loads(response.content)["type"] == "BadRequestError"


def test_a_page_answers_in_words():
    response = RefusalMiddleware(lambda request: HttpResponse("reached"))(ask.get("/projects/%00/"))
    assert response.status_code == 400
    assert b"NUL" in response.content


def test_everything_else_passes():
    response = RefusalMiddleware(lambda request: HttpResponse("reached"))(ask.get("/v2/traces?name=%25"))
    assert response.content == b"reached"


async def test_it_stands_before_async_views_too():
    async def view(request):
        return HttpResponse("reached")

    middleware = RefusalMiddleware(view)
    assert (await middleware(ask.get("/x?y=%00"))).status_code == 400
    assert (await middleware(ask.get("/x"))).content == b"reached"
