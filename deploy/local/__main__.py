"""`python -m deploy.local [FOLDER]`: both services in the foreground until Ctrl-C.

Prints what to export so that `millstream` finds them; with FOLDER, data are kept there.
"""

import signal
import sys
from pathlib import Path

from deploy.local.services import local_services


def main() -> None:
    """Run both until Ctrl-C or SIGTERM."""
    data_dir = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with local_services(data_dir) as services:
        for name, value in services.environment().items():
            sys.stdout.write(f"export {name}={value}\n")
        sys.stdout.write(f"# {services.kind} and {services.redis.kind}; Ctrl-C ends both\n")
        sys.stdout.flush()
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
