"""The seven sources, in the paper's order, and those of the user."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import ConfigError
from ..mixtures.sources import OwnRecipe, SourceRecipe, own_module
from ..storage import digest
from . import arxiv, books, c4, commoncrawl, github, stackexchange, wikipedia
from .source import Source

SOURCES: Mapping[str, Source] = MappingProxyType(
    {one.SOURCE.name: one.SOURCE for one in (commoncrawl, c4, github, wikipedia, books, arxiv, stackexchange)},
)


def source_of(name: str, options: SourceRecipe) -> Source:
    """The source of a name in a recipe.

    Raises:
        ConfigError: it is the user's own, and its module cannot be used.
    """
    return _own(name, options.code) if isinstance(options, OwnRecipe) else SOURCES[name]


@functools.cache
def _own(name: str, code: str) -> Source:
    """A source of the user's, whose outputs are made again when its module or one of its settings changes."""
    module = own_module(code)
    source: Source = module.SOURCE
    if source.name != name:
        raise ConfigError(f"sources.own.{name}: {code} holds the source {source.name!r}. Call both by one name.")
    text = digest(Path(module.__file__).read_text("utf-8")) if module.__file__ else ""
    common = {one.name for one in dataclasses.fields(OwnRecipe)}

    def decides(options: Any) -> dict[str, object]:
        own = {key: value for key, value in dataclasses.asdict(options).items() if key not in common}
        return {**source.decides(options), "own": own, "code": text}

    return dataclasses.replace(source, decides=decides)
