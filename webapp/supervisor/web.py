"""The web server's process: uvicorn on a socket that the supervisor holds, so that a restart refuses no connection."""

from __future__ import annotations

import argparse
import logging
import socket

import uvicorn

_SECONDS_FOR_OPEN_CONNECTIONS = 2


def main() -> None:
    """Serve the application on the listening socket with the given descriptor until SIGTERM."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("descriptor", type=int)
    parser.add_argument("trusted_proxies", help="addresses whose X-Forwarded-For is believed, separated by commas")
    given = parser.parse_args()
    listening = socket.socket(fileno=given.descriptor)
    config = uvicorn.Config(
        "webapp.asgi:application",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        forwarded_allow_ips=given.trusted_proxies,
        timeout_graceful_shutdown=_SECONDS_FOR_OPEN_CONNECTIONS,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
