"""Samples can be looked at, loaded again and removed, and nothing else goes with them."""

from django.core.management import call_command

from functions import samples
from functions.models import Function
from opperweb.accounts.models import Project
from traces import recording
from traces.models import Status, Trace


def test_samples_show_what_succeeds_recovers_and_fails(project: Project) -> None:
    assert samples.load(project) == 5
    assert {trace.status for trace in Trace.objects.all()} == {Status.OK, Status.RECOVERED, Status.ERROR}
    agent = Trace.objects.get(name="planet_guide_agent")
    assert (agent.span_count, agent.call_count, agent.error_count) == (7, 1, 1)
    assert agent.cost_usd is not None


def test_loading_twice_is_loading_once(project: Project) -> None:
    samples.load(project)
    samples.load(project)
    assert Trace.objects.count() == 5
    assert Function.objects.count() == 1


def test_removing_samples_leaves_the_rest(project: Project) -> None:
    recording.start(project, "mine")
    call_command("demo")
    call_command("demo", "--remove")
    assert [trace.name for trace in Trace.objects.all()] == ["mine"]
    assert not Function.objects.exists()
