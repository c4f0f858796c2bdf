"""Bytes to records and back, one file per published format."""
