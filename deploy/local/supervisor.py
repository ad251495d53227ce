"""Runs one program and takes it along when its starter goes away, in whatever way that happens.

    python supervisor.py GRACE_S PROGRAM [ARGUMENT ...]

Standard input is a pipe that the starter holds open; the kernel closes it when the starter ends,
also when it is killed with no chance to clean up. The program then gets SIGTERM, and SIGKILL after
GRACE_S seconds. Its process id goes to standard output, its own output to standard error, and the
supervisor ends as the program ended. A script of its own, with nothing but the standard library, so
that it is there within some 20 ms.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run the program in the arguments until it ends or standard input does."""
    grace_s, command = float(sys.argv[1]), sys.argv[2:]
    for number in (signal.SIGINT, signal.SIGHUP):  # a Ctrl-C is the starter's to handle
        signal.signal(number, signal.SIG_IGN)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        start_new_session=True,  # a group of its own: what it forks ends with it
        preexec_fn=_in_child,
    )
    signal.signal(signal.SIGTERM, lambda *_: _signal_group(child, signal.SIGTERM))
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    threading.Thread(target=_end_with_starter, args=(child, grace_s), daemon=True).start()
    code = child.wait()
    _signal_group(child, signal.SIGKILL)  # whatever it forked and left behind
    return code if code >= 0 else 128 - code


def _in_child() -> None:
    """Undo the ignored signals, and on Linux end even when the supervisor itself is killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_starter(child: "subprocess.Popen[bytes]", grace_s: float) -> None:
    while os.read(0, 4096):
        pass
    _signal_group(child, signal.SIGTERM)
    try:
        child.wait(grace_s)
    except subprocess.TimeoutExpired:
        _signal_group(child, signal.SIGKILL)


def _signal_group(child: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main())
