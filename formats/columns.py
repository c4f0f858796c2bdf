"""What the columns of tables are called: a part of a recipe, which is read where no table is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BookColumns:
    """What the columns of a collection are called. Only the text must be there."""

    text: str = "text"  # the whole book
    title: str = "title"  # of the book
    author: str = "author"  # or authors
    language: str = "language"  # a code, or several with ; between
    id: str = "id"  # what its id is made of; without one, a hash of the text


@dataclass(frozen=True, slots=True)
class GithubColumns:
    """What the columns of an export are called. Only path and content must be there."""

    id: str = "id"  # git's own id of the content
    repo: str = "repo_name"  # owner/name
    path: str = "path"  # in the repository
    license: str = "license"  # SPDX id or BigQuery's name of it
    content: str = "content"  # text
    binary: str = "binary"  # true where the content is no text
    size: str = "size"  # bytes
    copies: str = "copies"  # places that have the content
    ref: str = "ref"  # branch or tag
    link: str = "symlink_target"  # not empty where the file is a link
    mode: str = "mode"  # git's, which tells links and submodules
