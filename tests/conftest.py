"""What every test may ask for: named people, their projects and keys, and no network but loopback."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.core.cache import cache
from django.db import connection, connections
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client

from functions import definitions
from functions.completions import catalogue
from functions.few_shot.uses import uses
from opperweb import database
from opperweb.accounts.models import ApiKey, Membership, Project, Role, User
from tests.listening import listening_server

pytest_plugins = ["tests.upstream"]

PASSWORD = "a-long-quiet-river"


# --- people: Alice owns `project`, Bob may read it, Charlie is a stranger with a project of his own -------------------


@pytest.fixture
def project(db: None) -> Project:
    return Project.objects.create(slug="acme", name="Acme")


@pytest.fixture
def other_project(db: None) -> Project:
    return Project.objects.create(slug="umbrella", name="Umbrella")


@pytest.fixture
def alice(project: Project) -> User:
    return _member("alice@example.com", "Alice", project, Role.OWNER)


@pytest.fixture
def bob(project: Project) -> User:
    return _member("bob@example.com", "Bob", project, Role.READER)


@pytest.fixture
def charlie(other_project: Project) -> User:
    return _member("charlie@example.com", "Charlie", other_project, Role.OWNER)


def _member(email: str, name: str, project: Project, role: Role) -> User:
    user = User.objects.create_user(email, PASSWORD, name=name)
    Membership.objects.create(user=user, project=project, role=role)
    return user


@pytest.fixture
def password() -> str:
    """The password of all of them."""
    return PASSWORD


@pytest.fixture
def alice_client(alice: User) -> Client:
    return _signed_in(alice)


@pytest.fixture
def bob_client(bob: User) -> Client:
    return _signed_in(bob)


@pytest.fixture
def charlie_client(charlie: User) -> Client:
    return _signed_in(charlie)


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


# --- programs ---------------------------------------------------------------------------------------------------------


class Api:
    """A program with a key: `api.post("/v2/call", {...}).json()`."""

    def __init__(self, secret: str | None = None, *, raises: bool = True) -> None:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self.client = Client(headers=headers, raise_request_exception=raises)

    def get(self, path: str, query: dict[str, Any] | None = None, **extra: Any) -> Any:
        return self.client.get(path, query or {}, **extra)

    def post(self, path: str, json: Any = None, **extra: Any) -> Any:
        return self.client.post(path, json, content_type="application/json", **extra)

    def put(self, path: str, json: Any = None, **extra: Any) -> Any:
        return self.client.put(path, json, content_type="application/json", **extra)

    def patch(self, path: str, json: Any = None, **extra: Any) -> Any:
        return self.client.patch(path, json, content_type="application/json", **extra)

    def delete(self, path: str, **extra: Any) -> Any:
        return self.client.delete(path, **extra)

    def send(self, method: str, path: str, body: bytes, content_type: str = "application/json", **extra: Any) -> Any:
        """Send these very bytes."""
        return self.client.generic(method, path, body, content_type=content_type, **extra)


@pytest.fixture
def key(project: Project) -> str:
    """The secret of a key of `project`."""
    return ApiKey.objects.make(project, "tests")[1]


@pytest.fixture
def other_key(other_project: Project) -> str:
    return ApiKey.objects.make(other_project, "tests")[1]


@pytest.fixture
def read_key(project: Project) -> str:
    return ApiKey.objects.make(project, "reader", rights=ApiKey.Rights.READ)[1]


@pytest.fixture
def api(key: str) -> Api:
    return Api(key)


@pytest.fixture
def other_api(other_key: str) -> Api:
    return Api(other_key)


@pytest.fixture
def nobody_api(db: None) -> Api:
    """A program without a key."""
    return Api()


# --- a server ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _listening_server() -> Iterator[str]:
    with listening_server() as address:
        yield address


@pytest.fixture
def server(_listening_server: str, transactional_db: None, settings: Any) -> str:
    """The address of the real thing on loopback: uvicorn, ASGI, the real pool of threads."""
    settings.DB_THREAD_SENSITIVE = False
    settings.PUBLIC_URL = _listening_server
    return _listening_server


# --- the world around a test ------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _database_on_the_thread_of_the_test(request: pytest.FixtureRequest, settings: Any) -> None:
    """Let `db()` share the connection and transaction of the test; `network_threads` asks for the real mode."""
    settings.DB_THREAD_SENSITIVE = request.node.get_closest_marker("network_threads") is None


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    # What a process remembers goes by the numbers of rows, which begin anew with each test.
    definitions.forget()
    catalogue.forget()
    cache.clear()
    yield
    cache.clear()
    uses.forget()
    uses.stop()


@pytest.fixture(autouse=True, scope="session")
def _tables_are_emptied_by_rows() -> Iterator[None]:
    """Empty PostgreSQL's tables with DELETE: a TRUNCATE makes new files for each table and each of its indexes.

    In one transaction, and every foreign key is checked at its end: the order does not matter.
    """
    patch = pytest.MonkeyPatch()
    patch.setattr(DatabaseOperations, "sql_flush", _deletes)
    yield
    patch.undo()


def _deletes(self: Any, style: Any, tables: Any, **_: Any) -> list[str]:
    return [f"DELETE FROM {self.quote_name(table)}" for table in tables]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Close at the end what other threads and processes hold open: the tests' database could not be dropped."""
    yield
    uses.stop()
    database.close()
    # Where async tests ask the ORM themselves.
    SyncToAsync.single_thread_executor.submit(connections.close_all).result(timeout=20)
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(autouse=True, scope="session")
def _no_network_but_loopback() -> Iterator[None]:
    """Refuse every connection that leaves this machine, so that no test can depend on one."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    yield
    patch.undo()


def _guarded(connect: Any) -> Any:
    def guard(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(str(address[0])):
            raise AssertionError(f"a test reached for {address[0]}, which is not on this machine")
        return connect(self, address)

    return guard


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("localhost", "")
