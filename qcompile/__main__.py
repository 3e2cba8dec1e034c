"""`python -m qcompile`."""

from __future__ import annotations

import sys

from qcompile.cli import main

if __name__ == "__main__":
    sys.exit(main())
