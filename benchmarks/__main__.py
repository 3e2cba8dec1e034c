"""All benchmarks, or the named ones: `python -m benchmarks [circuits] [contractions] [peers] …`."""

from __future__ import annotations

import argparse

from benchmarks import (
    circuits,
    compilation,
    contractions,
    evaluators,
    gpu,
    growth,
    limits,
    start,
    training,
)
from benchmarks.peers import measure as peers

BENCHMARKS = {
    "circuits": circuits,
    "compilation": compilation,
    "contractions": contractions,
    "evaluators": evaluators,
    "gpu": gpu,
    "growth": growth,
    "limits": limits,
    "peers": peers,
    "start": start,
    "training": training,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    for name in names:
        about = (BENCHMARKS[name].__doc__ or "").partition("\n")[0]
        print(f"\n{name}: {about}\n", flush=True)
        BENCHMARKS[name].main([])


if __name__ == "__main__":
    main()
