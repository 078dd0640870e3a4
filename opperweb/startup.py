"""What must be so before anything is served: database, broker and port are there, the tables are up to date."""

from __future__ import annotations

import contextlib
import fcntl
import socket
from collections.abc import Iterator
from typing import Any

import psycopg
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import Error, connection

from opperweb.env import BadSetting

# Any number, the same in all processes.
MIGRATION_LOCK = 7_346_112_908


class CannotStart(BadSetting):
    """The start cannot go on, though each setting by itself makes sense; the message is one line with the way out."""


def prepare() -> None:
    """Check database and broker and bring the tables up to date; several processes may do so at once."""
    check_broker()
    check_database()
    try:
        with only_one():
            call_command("migrate", verbosity=0, interactive=False)
    except Error as problem:
        raise CannotStart(f"the database cannot be brought up to date: {one_line(problem)}") from problem


def check_database() -> None:
    if not settings.IS_POSTGRESQL:
        try:
            connection.ensure_connection()
        except Error as problem:
            name = connection.settings_dict["NAME"]
            raise CannotStart(f"DATA_DIR: the database {name} cannot be opened ({one_line(problem)})") from problem
        return
    # Not through the pool: that one would try for long and then say only that time is up.
    try:
        psycopg.connect(**_parameters(), connect_timeout=5).close()
    except (psycopg.Error, UnicodeError) as problem:
        raise CannotStart(
            f"DATABASE_URL: the database does not answer ({one_line(problem)}); start it, or correct the address"
        ) from problem


def _parameters() -> dict[str, Any]:
    database = settings.DATABASES["default"]
    parameters = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
    }
    return {name: value for name, value in parameters.items() if value}


def check_broker() -> None:
    if not settings.REDIS_URL:
        return
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=5, socket_timeout=5) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as problem:
        raise CannotStart(
            f"REDIS_URL: Redis does not answer ({one_line(problem)}); start it, correct the address, or leave it out"
        ) from problem


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold what only one process on this database may hold at a time, waiting for it where another does."""
    if settings.IS_POSTGRESQL:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(%s)", [MIGRATION_LOCK])
            try:
                yield
            finally:
                cursor.execute("select pg_advisory_unlock(%s)", [MIGRATION_LOCK])
    else:
        with open(settings.DATA_DIR / ".migrating", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def listen() -> socket.socket:
    """Return a socket that listens where HOST and PORT say."""
    host, port = settings.HOST, settings.PORT
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise CannotStart(f"HOST is {host!r}, which is no address of this machine") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as problem:
        listener.close()
        raise CannotStart(_why_not(problem, host, port)) from problem
    return listener


def _why_not(problem: OSError, host: str, port: int) -> str:
    reason = problem.strerror or str(problem)
    if "in use" in reason:
        return (
            f"port {port} on {host} is taken by another program; stop it, or choose another port: PORT={port + 1} ./run"
        )
    if isinstance(problem, PermissionError):
        return f"port {port} is not for this user; choose one above 1023: PORT=8000 ./run"
    return f"HOST is {host!r}, which is no address of this machine ({reason})"


def one_line(problem: BaseException) -> str:
    """Return the message of a problem as one line."""
    return " ".join(str(problem).split()) or type(problem).__name__
