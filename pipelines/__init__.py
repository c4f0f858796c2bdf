"""One file per source, its steps in the order of the paper; then tokens, shards and the whole recipe."""
