"""`python -m corpusmill` is the same program as `corpusmill`."""

from corpusmill.cli import main

raise SystemExit(main())
