"""Runs under torchrun that end, one way or the other, and say why."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PATIENCE = 480.0
"""Seconds for a run. Alone it takes a few; machines that test are busy."""

TIMEOUT = 600
"""Seconds that a test with a run may take: `@pytest.mark.timeout(TIMEOUT)`."""


def torchrun(*arguments: str, where: Path = ROOT, patience: float = PATIENCE) -> str:
    """Run a script in two processes on this machine, in the folder `where`; what they printed.

    The rendezvous is static, on a port of the loopback interface, so that nothing depends on what
    the machine's name leads to. A run that takes too long is ended with all its processes.

    Raises:
        AssertionError: It failed or took too long; with everything that the processes printed,
            the stacks of workers that called `faulthandler.dump_traceback_later` among it.
    """
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"),
        *("--rdzv-backend=static", "--master-addr=127.0.0.1", f"--master-port={_free_port()}"),
        *arguments,
    ]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PYTHONFAULTHANDLER": "1",
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
    }
    with subprocess.Popen(
        command,
        cwd=where,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            printed, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            printed = f"{_end(process)}\n(ended after {patience:.0f} s)"
        except BaseException:
            _end(process)
            raise
    assert process.returncode == 0, printed
    return printed


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end(process: subprocess.Popen[str]) -> str:
    """End the agent and its workers; what they printed, their stacks included.

    The agent starts each worker in a session of its own, so it has to end them itself, which it
    does when it is asked to end.
    """
    process.send_signal(signal.SIGTERM)
    try:
        printed, _ = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        printed, _ = process.communicate()
    return printed
