"""Functions with examples, and nothing remembered from the test before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from functions import few_shot
from functions.examples import dataset
from functions.few_shot import embedding
from functions.few_shot.uses import uses
from functions.models import DatasetExample, Function
from functions.task import Configuration, Task
from opperweb.accounts.models import Project


@pytest.fixture(autouse=True)
def _remember_nothing() -> Iterator[None]:
    embedding.forget()
    uses.forget()
    yield
    embedding.forget()


@pytest.fixture
def function(project: Project) -> Function:
    return Function.objects.create(project=project, name="planets")


@pytest.fixture
def keep(function: Function) -> Callable[..., list[DatasetExample]]:
    """Keep an example for each of these inputs."""

    def keep(*inputs: Any, of: Function = function, output: Any = "ok") -> list[DatasetExample]:
        return dataset.add_all(of, [DatasetExample(function=of, input=input, output=output) for input in inputs])

    return keep


@pytest.fixture
def choose(function: Function) -> Callable[..., few_shot.Choice]:
    """Choose examples for an input as a call does."""

    def choose(input: Any, count: int = 3, *, of: Function = function, model: str = "", **task: Any) -> few_shot.Choice:
        configuration = Configuration(few_shot_count=count, embedding_model=model)
        return async_to_sync(few_shot.choose)(of, Task("planets", input=input, configuration=configuration, **task))

    return choose
