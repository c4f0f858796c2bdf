"""What the columns of tables are called: a part of a recipe, which is read where no table is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BookColumns:
    """What the columns of a collection are called. Only the text must be there."""

    text: str = "text"
    title: str = "title"
    author: str = "author"
    language: str = "language"
    id: str = "id"


@dataclass(frozen=True, slots=True)
class GithubColumns:
    """What the columns of an export are called. Only path and content must be there."""

    id: str = "id"
    repo: str = "repo_name"
    path: str = "path"
    license: str = "license"
    content: str = "content"
    binary: str = "binary"
    size: str = "size"
    copies: str = "copies"
    ref: str = "ref"
    link: str = "symlink_target"
    mode: str = "mode"
