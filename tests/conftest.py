"""Settings that hold for every test."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# A busy machine must not decide whether a property holds, and neither must chance or the variables
# of a continuous integration: the same commit gives the same result.
settings.register_profile(
    "default",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
# What `make fuzz` chooses, with a seed of its own.
settings.register_profile("fuzz", settings.get_profile("default"), derandomize=False)
settings.load_profile("default")

VARIABLES = (
    "CLICOLOR_FORCE",
    "COLUMNS",
    "FORCE_COLOR",
    "LINES",
    "NO_COLOR",
    "QCOMPILE_TRACEBACK",
    "TERM",
)
"""Variables of the caller that could change what a program prints."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        default=False,
        help="write the .err files of the golden pairs anew",
    )
    parser.addoption(
        "--until",
        type=float,
        metavar="SECONDS",
        help="start no test after this time, in seconds since 1970",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    until = item.config.getoption("until")
    if until is not None and time.time() > until:
        pytest.skip("the time is up")


@pytest.fixture(autouse=True, scope="session")
def neutral_environment() -> Iterator[None]:
    """No variable of the caller changes what is printed, by this process or one that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in VARIABLES:
            patch.delenv(variable, raising=False)
        yield
