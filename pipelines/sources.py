"""The seven sources, in the paper's order, and those of the user."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import ConfigError
from ..mixtures.sources import OwnRecipe, SourceRecipe, UnreadRecipe, own_module
from ..storage import digest
from . import arxiv, books, c4, commoncrawl, github, stackexchange, wikipedia
from .own_code import guarded
from .source import Source
from .told import told_by

SOURCES: Mapping[str, Source] = MappingProxyType(
    {one.SOURCE.name: one.SOURCE for one in (commoncrawl, c4, github, wikipedia, books, arxiv, stackexchange)},
)


def source_of(name: str, options: SourceRecipe) -> Source:
    """The source of a name in a recipe.

    Raises:
        ConfigError: it is the user's own, and its module cannot be used, or is not to be: see `UnreadRecipe`.
    """
    if isinstance(options, UnreadRecipe):
        raise ConfigError(f"sources.own.{name}: its module is not imported by those who look at a corpus.")
    return _own(name, options.code) if isinstance(options, OwnRecipe) else SOURCES[name]


def digest_of_code(module: Any) -> str:
    """Of a module's file, or of all Python below a package; empty where it has no file."""
    path = Path(module.__file__) if module.__file__ else None
    files = sorted(path.parent.rglob("*.py")) if path and path.name == "__init__.py" else [path] if path else []
    return digest(*(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)) if files else ""


def told_of(name: str, options: OwnRecipe) -> dict[str, Any]:
    """What a run writes down of a source of the user's own, for those who look at it without its code."""
    code = {"code": options.code, "digest": digest_of_code(own_module(options.code))}
    return {**code, **told_by(source_of(name, options), options)}


@functools.cache
def _own(name: str, code: str) -> Source:
    """A source of the user's, whose outputs are made again when its module or one of its settings changes."""
    module = own_module(code)
    source = guarded(module.SOURCE, code)
    if source.name != name:
        raise ConfigError(f"sources.own.{name}: {code} holds the source {source.name!r}. Call both by one name.")
    text = digest_of_code(module)
    common = {one.name for one in dataclasses.fields(OwnRecipe)}

    def decides(options: Any) -> dict[str, object]:
        own = {key: value for key, value in dataclasses.asdict(options).items() if key not in common}
        return {**source.decides(options), "own": own, "code": text}

    return dataclasses.replace(source, decides=decides)
