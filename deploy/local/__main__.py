"""`python -m deploy.local [FOLDER]`: both services in the foreground until Ctrl-C.

Prints what to export so that `millstream` finds them; with FOLDER, data are kept there.
"""

import signal
import sys
from contextlib import suppress
from pathlib import Path

from deploy.local.services import local_services


def main() -> None:
    """Run both until Ctrl-C or SIGTERM."""
    data_dir = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs without SIGINT
        signal.signal(number, signal.default_int_handler)
    with local_services(data_dir) as services:
        for name, value in services.environment().items():
            sys.stdout.write(f"export {name}={value}\n")
        sys.stdout.write(f"# {services.kind} and {services.redis.kind}; Ctrl-C ends both\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
