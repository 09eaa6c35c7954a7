"""One request to a model's server over HTTP, with every limit that keeps it from doing harm or hanging."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from improvement.broker import patience
from improvement.broker.addresses import resolve
from improvement.broker.configuration import ModelConfig
from improvement.broker.cutting import Cut, Trace
from improvement.broker.pace import Pace
from improvement.exceptions import ModelFailed

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 120.0  # not of a private server, which may answer one question after the other
MAX_ANSWER_BYTES = 16_000_000
_PORTS = {"http": 80, "https": 443}
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"  # what OpenSSL calls it; the library has no class of its own for it
_jitter = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers: its status, the type of the content without parameters, and the content as it comes."""

    status: int
    content_type: str
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class _Again:
    """Why a try is worth another one, and the seconds that the server asked for."""

    why: str
    asked: float | None = None


@dataclass(frozen=True, slots=True)
class _Post:
    """What is sent, until when an answer may take, and who is told of its connections."""

    path: str
    body: bytes
    ends: float
    trace: Trace


class Exchange:
    """The way to one configured model.

    ``headers`` hold its key; ``pace_file`` counts the requests of all processes; ``tries`` says how often one is sent;
    ``cut`` ends requests from another thread. ``was_sent`` tells whether a request that got no answer may have come in
    at the server all the same.
    """

    def __init__(
        self,
        config: ModelConfig,
        headers: Mapping[str, str],
        *,
        pace_file: Path,
        tries: int = patience.TRIES,
        cut: Cut | None = None,
    ) -> None:
        self._config = config
        self._tries = tries
        self._cut = cut or Cut()
        self.was_sent = False
        self._headers = {"User-Agent": "countersign", "Accept-Encoding": "identity", **headers}
        self._pace = Pace(config.requests_per_minute, pace_file)

    @contextmanager
    def post(self, path: str, body: bytes) -> Iterator[Reply]:
        """Send a JSON body to a path below the model's address and give the reply while it comes in.

        Connection errors and what a server may answer otherwise soon (429, 5xx) are tried again, within the model's
        seconds; redirects are not followed. Raises ``ModelFailed``, also while the chunks are read, and ``Halted`` when
        it is cut off.
        """
        ends = time.monotonic() + self._config.seconds
        with (
            self._cut.watched() as trace,
            httpx2.Client(verify=httpx2.create_ssl_context(), trust_env=False, follow_redirects=False) as http,
        ):
            response = self._answered(http, _Post(path, body, ends, trace))
            try:
                kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                yield Reply(response.status_code, kind, self._chunks(response, ends))
            finally:
                response.close()

    def _answered(self, http: httpx2.Client, post: _Post) -> httpx2.Response:
        """Try until there is an answer to keep, or no time or patience left."""
        tried = 0
        while True:
            self._cut.sleep(self._pace.reserve(now=time.time(), most=self._left(post.ends)))
            tried += 1
            outcome = self._try(http, post, last=tried >= self._tries)
            if isinstance(outcome, httpx2.Response):
                return outcome
            wait = patience.pause(tried, asked=outcome.asked, spread=_jitter.random())
            if wait >= self._left(post.ends):
                raise ModelFailed(f"{outcome.why} Another try would take more than its {self._config.seconds} seconds.")
            self._cut.sleep(wait)

    def _try(self, http: httpx2.Client, post: _Post, *, last: bool) -> httpx2.Response | _Again:
        """Send once; the last try's outcome is kept or raised, whatever it is."""
        try:
            response = self._sent(http, post)
        except httpx2.TransportError as error:
            self.was_sent |= not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            self._cut.check()
            if last or _UNTRUSTED in str(error):
                raise _broken(error) from error
            return _Again(_broken(error).message)
        if last or not patience.worth_another_try(response.status_code):
            return response
        response.close()
        asked = patience.retry_after(response.headers.get("retry-after"), datetime.now(UTC))
        return _Again(f"Its server answered {response.status_code}.", asked)

    def _sent(self, http: httpx2.Client, post: _Post) -> httpx2.Response:
        """Send to the first of the judged addresses that takes connections."""
        url = httpx2.URL(self._config.base_url.rstrip("/") + post.path)
        *others, last = resolve(self._config.host, url.port or _PORTS[url.scheme], private=self._config.private)
        for address in others:
            with suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return http.send(self._request(http, url, address, post), stream=True)
        return http.send(self._request(http, url, last, post), stream=True)

    def _request(self, http: httpx2.Client, url: httpx2.URL, address: str, post: _Post) -> httpx2.Request:
        """Aim the request at an address itself; the name stays in the Host header and in TLS."""
        left = self._left(post.ends)
        silent = left if self._config.private else min(left, SILENT_SECONDS)
        return http.build_request(
            "POST",
            url.copy_with(host=address),
            content=post.body,
            headers={**self._headers, "Content-Type": "application/json", "Host": url.netloc.decode("ascii")},
            timeout=httpx2.Timeout(silent, connect=min(left, CONNECT_SECONDS)),
            extensions={"sni_hostname": self._config.host, "trace": post.trace},
        )

    def _chunks(self, response: httpx2.Response, ends: float) -> Iterator[bytes]:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise ModelFailed("Its server sent a compressed answer, which was not asked for.")
        size = 0
        try:
            for chunk in response.iter_raw():
                size += len(chunk)
                if size > MAX_ANSWER_BYTES:
                    raise ModelFailed(f"The answer is larger than {MAX_ANSWER_BYTES // 1_000_000} MB; it was cut off.")
                self._left(ends)
                yield chunk
        except httpx2.TransportError as error:
            self._cut.check()
            raise _broken(error) from error
        self._cut.check()

    def _left(self, ends: float) -> float:
        left = ends - time.monotonic()
        if left <= 0:
            raise ModelFailed(f"There was no answer within {self._config.seconds} seconds.")
        return left


def _broken(error: httpx2.TransportError) -> ModelFailed:
    """Say what went wrong without the library's text, which may name more than people should read."""
    if _UNTRUSTED in str(error):
        return ModelFailed("Its server has no certificate that this machine trusts.")
    if isinstance(error, httpx2.ConnectTimeout):
        return ModelFailed("Its server could not be connected to in time.")
    if isinstance(error, httpx2.TimeoutException):
        return ModelFailed("Its server was silent for too long.")
    if isinstance(error, httpx2.ConnectError):
        return ModelFailed("Its server does not accept connections. Is it running?")
    return ModelFailed("The connection to its server broke off.")
