"""Pure text rules: text in, verdict out. No engine, no files, no counters."""
