"""Static files under names that change with their content, so that browsers may keep them for ever."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import StreamingHttpResponse
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
        response: StreamingHttpResponse = WhiteNoiseMiddleware.serve(static_file, request)
        body = b"".join(response)
        response.close()
        return HttpResponse(body, status=response.status_code, headers=dict(response.items()))
