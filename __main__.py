"""`python -m corpusmill` is the same program as `corpusmill`: both begin here."""

import os
import signal
import sys


def main() -> int:
    """Run the command line. Ctrl-C ends it without a word until what says one is imported."""
    os.environ["PYTHONSAFEPATH"] = "1"  # of worker processes, too: see below
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from corpusmill.cli import main

    return main()


if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the working directory, which may be a corpus of anybody's: no code of it is to be imported
    raise SystemExit(main())
