"""The version, and those of what a report of a bug should name; without importing any of it."""

from __future__ import annotations

import platform

import click

from .. import __version__

LIBRARIES = ("apache-beam", "pyarrow", "numpy", "sentencepiece", "kenlm", "torch")


def _show(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    found = [f"Python {platform.python_version()}"]
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            found.append(f"no {name}")
    click.echo(f"corpusmill {__version__}\n{', '.join(found)}")
    context.exit()


version_option = click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show,
    help="Show the version, and those of the main libraries.",
)
