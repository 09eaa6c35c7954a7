"""`manage.py up` for real: what it prints, what it survives, what it leaves behind."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery import Celery
from celery.app.control import Inspect
from kombu.exceptions import OperationalError

from tests.integration.start.installation import Installation, environment, running, up
from tests.waiting import wait_until
from webapp import addresses
from webapp.data_directory import DataDirectory

pytestmark = pytest.mark.e2e

HEALTHY_AGAIN_SECONDS = 30.0
STOP_SECONDS = 10.0


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Return one running installation for all tests that leave it as it was."""
    with running(tmp_path_factory.mktemp("up")) as started:
        assert started.link
        yield started


def test_the_link_asks_before_it_signs_in(installation: Installation) -> None:
    for _ in range(2):  # a preview by a chat program must not use the link up
        status, page = installation.get(installation.link.removeprefix(installation.url))
        assert status == 200
        assert "<form" in page


def test_every_part_is_ready(installation: Installation) -> None:
    said = installation.ready()
    assert {name: said[name]["ok"] for name in ("database", "redis", "workers")} == {
        "database": True,
        "redis": True,
        "workers": True,
    }
    assert said["ready"] is True
    assert installation.get("/healthz") == (200, "ok\n")


def test_pages_send_people_to_sign_in_and_say_what_browsers_may_do(installation: Installation) -> None:
    status, page = installation.get("/")
    assert (status, "<form" in page) == (200, True)
    assert 'src="http' not in page


def test_second_start_is_refused_in_one_line(installation: Installation) -> None:
    answer = _try("--port", "0", data=installation.data)
    assert answer.returncode == 1
    assert answer.stderr == (
        f"Countersign already runs on {installation.data} as process {installation.command.pid} "
        f"at {installation.url}; stop it with: kill {installation.command.pid}\n"
    )


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("valkey-server", "valkey"),
        ("webapp.supervisor.web", "web"),
        ("--queues=evaluations", "worker evaluations"),
        ("beat", "beat"),
    ],
)
def test_killed_part_comes_back(installation: Installation, what: str, name: str) -> None:
    before = len(_times(installation, rf"s  {name} +ready"))
    installation.kill(what)
    wait_until(
        lambda: len(_times(installation, rf"s  {name} +ready")) > before and installation.ready().get("ready"),
        seconds=HEALTHY_AGAIN_SECONDS,
        what=f"{name} is ready again: {installation.text()}",
    )
    assert f"{name} " in installation.text()
    assert "was ended by SIGKILL; starting again in" in installation.text()


def test_tasks_are_done_again_after_the_message_server_was_lost(installation: Installation) -> None:
    def ticks_done() -> int:
        try:
            totals = [node["total"] for node in (_control(installation).stats() or {}).values()]
        except (redis.ConnectionError, OperationalError):
            return 0  # the server is away for a moment
        return sum(total.get("improvement.tasks.tick", 0) for total in totals)

    wait_until(ticks_done, seconds=HEALTHY_AGAIN_SECONDS, what="a tick was done")
    before = ticks_done()
    installation.kill("valkey-server")
    wait_until(lambda: ticks_done() > before, seconds=HEALTHY_AGAIN_SECONDS, what="a tick was done after the loss")


def test_connections_wait_while_the_web_process_starts_again(installation: Installation) -> None:
    wait_until(lambda: installation.get("/healthz")[0] == 200, seconds=10, what="the web server answers")
    installation.kill("webapp.supervisor.web")
    time.sleep(0.1)
    with socket.create_connection(
        ("127.0.0.1", int(installation.url.rpartition(":")[2])), timeout=HEALTHY_AGAIN_SECONDS
    ) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert client.recv(64).startswith(b"HTTP/1.1 200")


def test_sigterm_stops_everything_in_time(installation: Installation) -> None:
    """Last of this module: it ends what the others use."""
    started = time.monotonic()
    installation.command.send_signal(signal.SIGTERM)
    assert installation.command.wait(timeout=STOP_SECONDS) == 0
    assert time.monotonic() - started < STOP_SECONDS
    assert installation.processes() == {}


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_is_clean(tmp_path: Path) -> None:
    with running(tmp_path) as killed:
        assert killed.link
        assert len(killed.processes()) >= 6  # server, web, two workers and their pools, clock
        killed.command.kill()
        killed.command.wait()
        wait_until(lambda: not killed.processes(), seconds=5, what="every process is gone")


def test_without_user_namespaces_the_server_starts_and_says_what_to_do(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    assert unshare is not None, "unshare belongs to util-linux, which every Debian has"
    closed = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"'
    with running(tmp_path, before=(unshare, "--map-root-user", "sh", "-c", closed, "sh")) as weak:
        warning = weak.wait_for(r"sandbox +WARNING: level 0, 3 wanted: nothing will be evaluated\. (.+)")
        assert len(warning[1]) > 40
        assert weak.get("/healthz") == (200, "ok\n")
        said = weak.ready()
        assert (said["ready"], said["sandbox"]["ok"]) == (True, False)


def test_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = _try("--port", str(port), data=tmp_path / "data")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == (
        f"Another program listens on 127.0.0.1:{port}; stop it, or choose another port: up --port {port + 1}\n"
    )


def test_data_directory_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = _try("--port", "0", data=tmp_path / "file" / "data")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith(f"The data directory {tmp_path}/file/data cannot be written: Not a directory.")
    assert answer.stderr.count("\n") == 1


def test_wrong_setting_is_one_line(tmp_path: Path) -> None:
    answer = _try("--port", "0", data=tmp_path / "data", SANDBOX_MIN_LEVEL="high")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == (
        "The setting SANDBOX_MIN_LEVEL must be a whole number from 0 to 3, not 'high'. "
        "Change it in the environment or in .env.\n"
    )


def test_wrong_file_of_models_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_text("[models.quick]\ndialect = 'openai'\n")
    answer = _try("--port", "0", data=tmp_path / "data", COUNTERSIGN_MODELS=str(file))
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr == (
        f"{file}, [models.quick]: model is missing, or the address that a compatible server needs.\n"
    )


def _try(*arguments: str, data: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        up(*arguments, data=data), env=environment(**variables), capture_output=True, text=True, timeout=60, check=False
    )


def _control(installation: Installation) -> Inspect:
    """Return Celery's way to ask the workers of this installation, which may be away for a moment."""
    data = DataDirectory(installation.data)
    url = addresses.broker(addresses.redis("", socket=data.socket, password=data.secret("redis_password")))
    inspect: Inspect = Celery(broker=url).control.inspect(timeout=1)
    return inspect


def _times(installation: Installation, pattern: str) -> list[str]:
    return re.findall(pattern, installation.text())
