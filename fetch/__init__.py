"""Getting the dumps from their publishers: addresses as data, polite requests, files that are whole or not there."""
