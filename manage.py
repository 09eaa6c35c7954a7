#!/usr/bin/env python3
"""Start, test and administer Countersign: `manage.py up`, `manage.py test`, `manage.py help`."""

import os
import sys


def main():
    """Enter the virtual environment and run the command."""
    if sys.version_info < (3, 11):
        sys.exit("Countersign needs Python 3.11 or newer; this is Python %d.%d." % sys.version_info[:2])
    from bootstrap import start  # newer syntax than an old Python can read

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    sys.exit(start.command_line(sys.argv))


if __name__ == "__main__":
    main()
