"""The product's settings with what tests need: a data directory of their own, a database in a file, cheap passwords."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_data = Path(tempfile.mkdtemp(prefix="countersign-tests-"))
atexit.register(shutil.rmtree, _data, ignore_errors=True)

os.environ["COUNTERSIGN_ENV_FILE"] = os.devnull
os.environ["COUNTERSIGN_DATA"] = str(_data)

from webapp.settings import *  # noqa: E402, F403
from webapp.settings import DATA, DATABASES, MODEL_KEYS  # noqa: E402

COUNTERSIGN_MODELS = ""  # whatever stands in the environment of whoever runs the tests
MODEL_KEYS = dict.fromkeys(MODEL_KEYS, "")
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATA.static.mkdir()
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A real file with the product's locking, not SQLite's in-memory database, whose locks differ.
    DATABASES["default"]["TEST"] = {"NAME": str(_data / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
