"""The addresses of completions and functions in the API."""

from django.urls import path

from functions.api.call import call

urlpatterns = [
    path("v2/call", call, name="call"),
]
