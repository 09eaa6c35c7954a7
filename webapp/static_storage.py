"""Static files under names that change with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import contextlib

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile
from whitenoise.storage import CompressedManifestStaticFilesStorage


class ManifestStorage(CompressedManifestStaticFilesStorage):
    """Hashed and compressed files; ``import`` statements of ES modules are rewritten to the hashed names too."""

    support_js_module_import_aggregation = True


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise that answers with whole files: under ASGI Django would warn of its synchronous stream."""

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """Return the file's headers and bytes; the largest file here is a chart library of about a megabyte."""
        answer = static_file.get_response(request.method, request.META)
        body = b""
        if answer.file is not None:
            with contextlib.closing(answer.file) as file:
                body = file.read()
        response = HttpResponse(body, status=int(answer.status))
        del response["Content-Type"]
        for name, value in answer.headers:
            response[name] = value
        return response
