"""Token files and token shards: layout, writers, reader, check."""
