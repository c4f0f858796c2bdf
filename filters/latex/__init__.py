"""LaTeX sources of papers: comments off, files joined, macros expanded, body cut out."""
