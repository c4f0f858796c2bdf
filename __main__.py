"""`python -m corpusmill` is the same program as `corpusmill`: both begin here."""

import signal


def main() -> int:
    """Run the command line. Ctrl-C ends it without a word until what says one is imported."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from corpusmill.cli import main

    return main()


if __name__ == "__main__":
    raise SystemExit(main())
