"""The words that a shell completes: recipes, sources, the dotted keys of settings. All else is click's.

Nothing heavy is imported: it is to answer while a key is still down.
"""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

DEFAULT_RECIPE = "llama1"
RECIPE = "recipe.yaml"  # of a run


def recipes(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The recipes of the package, and files: a name that is none of them may be one."""
    names = [name for name in sorted(_shipped()) if name.startswith(begun)]
    return [CompletionItem(name, help="of the package") for name in names] or [CompletionItem(begun, type="file")]


def sources(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """The sources of the recipe or the run that is named before them, without those that are there already."""
    named = context.params.get(str(parameter.name)) or ()
    return [name for name in _sources_of(context) if name.startswith(begun) and name not in named]


def fetched(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """What `fetch` knows, with what it is; or why it cannot be fetched."""
    from ..fetch.addresses import addresses

    return [
        CompletionItem(name, help=one.what if one.folder else f"not fetched: {one.not_served}")
        for name, one in addresses().items()
        if name.startswith(begun)
    ]


def reasons(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The reasons for dropping, each with what reports say of it."""
    from ..records import Reason

    return [CompletionItem(reason.value, help=reason.description) for reason in Reason if reason.startswith(begun)]


def settings(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """The dotted keys that --set takes, as far as the next dot; after = the words that a setting can be."""
    from ..config import keys_of, words_of
    from ..mixtures.recipe import Recipe

    key, equals, value = begun.partition("=")
    if equals:
        return [f"{key}={word}" for word in words_of(Recipe, key) if word.startswith(value)]
    depth = begun.count(".") + 1
    found = dict.fromkeys(
        f"{'.'.join(words[:depth])}{'.' if len(words) > depth else '='}"
        for words in (name.split(".") for name in keys_of(Recipe))
    )
    return [name for name in found if name.startswith(begun)]


def _sources_of(context: click.Context) -> list[str]:
    """Those of the recipe that is named, or of the run that is looked at; the user's own stand below `own`."""
    import yaml

    try:
        values = yaml.safe_load(_recipe_of(context).read_text("utf-8"))["sources"]
        names = [name for key, of in values.items() for name in ((of or ()) if key == "own" else (key,))]
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError):
        return []
    return [name for name in map(str, names) if name.isidentifier()]


def _recipe_of(context: click.Context) -> Path:
    # Arguments before an option that has no value yet are left there by click.
    run = Path(context.args[0], RECIPE) if context.args else None
    named = Path(str(context.params.get("recipe") or (run if run and run.is_file() else DEFAULT_RECIPE)))
    return named if named.is_file() else _shipped()[named.stem]


def _shipped() -> dict[str, Path]:
    """The recipes of the package: name → file. `mixtures.recipe.shipped` imports what is to read them."""
    return {file.stem: file for file in Path(__file__).parents[1].glob("mixtures/*.yaml")}
