"""The ASGI application: pages over HTTP, live events over WebSockets to their own pages for signed-in people."""

from __future__ import annotations

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
pages = get_asgi_application()  # loads the apps, which the consumers' imports need

from webapp.consumers import websocket_urlpatterns  # noqa: E402
from webapp.origins import OwnPagesOnly  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": OwnPagesOnly(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
