"""The seven sources, in the paper's order."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import arxiv, books, c4, commoncrawl, github, stackexchange, wikipedia
from .source import Source

SOURCES: Mapping[str, Source] = MappingProxyType(
    {one.SOURCE.name: one.SOURCE for one in (commoncrawl, c4, github, wikipedia, books, arxiv, stackexchange)},
)
