"""What is known of GitHub's repositories, opened from a path once per process."""

from __future__ import annotations

import functools

from ..formats.github_places import FilesIndex, Licenses


@functools.cache
def open_licenses(url: str) -> Licenses:
    """The licences of repositories, in memory: 10 bytes a repository."""
    return Licenses.load(url)


@functools.cache
def open_places(url: str) -> FilesIndex:
    """The index of where contents stand, by the URL of the list that lies beside its files."""
    return FilesIndex(url.rpartition("/")[0])
