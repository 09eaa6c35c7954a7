"""The parts of a running installation, in the order in which they start."""

from __future__ import annotations

import http.client
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import redis
from django.conf import settings

from webapp import heartbeats
from webapp.supervisor import valkey
from webapp.supervisor.address import Address
from webapp.supervisor.process import Part

_HTTP_SECONDS = 0.3


@dataclass(frozen=True)
class Plan:
    """What this start is about: where it listens, and how many evaluations run at once."""

    address: Address
    listening: socket.socket
    workers: int


def redis_server() -> Part | None:
    """Return the embedded server, or None when REDIS_URL names one that somebody else runs."""
    if settings.REDIS_URL_IS_EXTERNAL:
        return None
    configuration = valkey.write_configuration(
        socket=settings.DATA.socket, password=settings.DATA.secret("redis_password"), directory=settings.DATA.run
    )
    return Part(
        name="valkey",
        command=(str(valkey.program()), str(configuration)),
        ready=lambda: valkey.answers(settings.REDIS_URL),
        last_to_stop=True,
    )


def application(plan: Plan) -> Iterator[Part]:
    """Return the web server, the two workers and the clock."""
    descriptor = plan.listening.fileno()
    yield Part(
        name="web",
        command=(sys.executable, "-m", "webapp.supervisor.web", str(descriptor), ",".join(settings.TRUSTED_PROXIES)),
        ready=lambda: answers_http(plan.address),
        descriptors=(descriptor,),
    )
    yield _worker("control", concurrency=1)
    yield _worker("evaluations", concurrency=plan.workers)
    yield _with_heartbeat(
        "beat",
        (*_celery(), "beat", "--scheduler=celery.beat:Scheduler", "--max-interval=2", "--pidfile="),
        node=heartbeats.BEAT,
    )


def _worker(queue: str, *, concurrency: int) -> Part:
    node = f"{queue}@{socket.gethostname()}"
    options = (f"--queues={queue}", f"--concurrency={concurrency}", f"--hostname={node}")
    quiet = ("--pool=prefork", "--without-gossip", "--without-mingle")
    return _with_heartbeat(f"worker {queue}", (*_celery(), "worker", *options, *quiet), node=node)


def _with_heartbeat(name: str, command: tuple[str, ...], *, node: str) -> Part:
    return Part(name, command, ready=lambda: _is_alive(node), forget=lambda: _forget(node))


def _celery() -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "--app=webapp")


def _is_alive(node: str) -> bool:
    try:
        return node in heartbeats.alive()
    except redis.RedisError:
        return False


def _forget(node: str) -> None:
    """Take away what a former process of this name said, which must not make the new one look ready."""
    with suppress(redis.RedisError):  # a server that is starting too comes up empty
        heartbeats.forget(node)


def answers_http(address: Address, path: str = "/healthz") -> bool:
    """Return whether the web server answers this path with 200."""
    client = http.client.HTTPConnection(address.reachable_host, address.port, timeout=_HTTP_SECONDS)
    try:
        client.request("GET", path, headers={"Host": "localhost"})
        return client.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()
