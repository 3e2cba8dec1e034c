"""Other libraries' remarks, kept away from the user."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings, and what is logged up to warnings.

    Such are advice about absent weights, files and extensions, from transformers and from every
    optional package that it imports, and remarks of torch's exporters on their own internals.
    """
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
