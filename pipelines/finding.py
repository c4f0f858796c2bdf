"""The inputs and models that a recipe names: by glob, by folder, by list of paths, by URL."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from ..errors import SourceError, UsageError
from ..mixtures.recipe import Recipe
from ..mixtures.sources import SourceRecipe, key_of
from ..records import counted
from ..storage import Input, filesystem, find_inputs, identified, join, read_bytes, size_of
from ..tokenizer.hugging_face import CONFIG
from .inputs import TOKENIZER, TOKENIZER_CONFIG, Given, Inputs
from .source import Wanted
from .sources import source_of

LISTS = (".paths", ".paths.gz")  # endings of a list of inputs, a path a line


def find(recipe: Recipe, sources: Sequence[str], folder: str, allow_empty: bool = False) -> Inputs:
    """The inputs of each source, sorted by name, and its models.

    Raises:
        SourceError: a glob without a match, unless `allow_empty`; a list of paths of which one is not there.
        UsageError: a model that is not there, or several that fit.
    """
    found: Inputs = {}
    for source in sources:
        options = recipe.active[source]
        files = identified(find_files(source, options, folder, allow_empty))
        found[source] = Given(files, find_models(source, options, folder) if files else {})
    return found


def find_files(source: str, options: SourceRecipe, folder: str, allow_empty: bool = False) -> list[Input]:
    """The inputs of a source, sorted by name; a file that two globs name is taken once. Not all are identified."""
    files: dict[str, Input] = {}
    for pattern in options.inputs:
        matches = _matches(source, folder, pattern, options)
        if not matches and not allow_empty:
            key, others = key_of(source, options), [one for one in options.inputs if one != pattern]
            raise SourceError(
                f"{source}: nothing in {folder} fits {pattern}. Check --inputs (a sub-folder for each source), "
                f"change the glob with --set '{key}.inputs=[…]', or pass --allow-empty; "
                + (f"--set '{key}.inputs={json.dumps(others)}' leaves this glob out, and " if others else "")
                + f"--set {key}=null leaves out the source."
                + " CommonCrawl's models are made from it, unless perplexity and cited are given models, or skip."
                * (source == "wikipedia")
            )
        for one in matches:
            if files.setdefault(one.name, one).url != one.url:
                raise SourceError(f"{source}: {one.url} and {files[one.name].url} would both be called {one.name}.")
    return [files[name] for name in sorted(files)]


def find_models(source: str, options: SourceRecipe, folder: str) -> dict[str, Input]:
    """The models that a source needs.

    Raises:
        UsageError: one is not there, or several fit; the message says how to get it.
    """
    one = source_of(source, options)
    return {name: _model(source, folder, wanted) for name, wanted in one.models(options).items()}


def find_tokenizer(recipe: Recipe, folder: str) -> Inputs:
    """The ready tokenizer that a recipe names, with the configuration beside a `tokenizer.json`; or nothing.

    Raises:
        UsageError: it is not there, or several files fit.
    """
    if not recipe.tokenizer.model:
        return {}
    about = "It is SentencePiece's .model or Hugging Face's tokenizer.json; without tokenizer.model one is trained."
    model = _model(TOKENIZER, folder, Wanted((recipe.tokenizer.model,), about))
    models = {TOKENIZER: model}
    if model.name.endswith(".json"):
        beside = join(model.url.rpartition("/")[0], CONFIG)
        models |= dict(zip([TOKENIZER_CONFIG], identified(_fitting(folder, beside)), strict=False))
    return {TOKENIZER: Given([], models)}


def is_whole(path: str) -> bool:
    """Whether a path says where it begins: it is absolute, or a URL."""
    return "://" in path or path.startswith("/")


def alternatives(pattern: str) -> list[str]:
    """The globs that a glob with `{a,b}` stands for, as in a shell; such braces do not nest.

    >>> alternatives("*.{xml,json}*"), alternatives("a{b}")
    (['*.xml*', '*.json*'], ['a{b}'])
    """
    before, _, rest = pattern.partition("{")
    choices, closing, after = rest.partition("}")
    if not closing or "," not in choices:
        return [pattern]
    return [f"{before}{choice}{end}" for choice in choices.split(",") for end in alternatives(after)]


def _matches(source: str, folder: str, pattern: str, options: SourceRecipe) -> list[Input]:
    """What a glob names: files; with a slash at its end all files below those folders; lists of paths, opened."""
    whole_folder = pattern.endswith("/")
    if whole_folder:
        pattern = f"{pattern}**/{source_of(source, options).files(options)}"
    root = options.root
    base = root if not root or is_whole(root) else join(folder, root)
    found = []
    inputs = [
        one for glob in alternatives(pattern) for one in find_inputs(folder, glob, pass_over_folders=whole_folder)
    ]
    for one in inputs:
        found += _listed(source, one, base) if one.name.endswith(LISTS) else [one]
    return found


def _listed(source: str, paths: Input, root: str) -> list[Input]:
    """The files of a list such as CommonCrawl's `wet.paths.gz`, a path or URL a line.

    Paths are relative to `root`, which is itself relative to `--inputs`; without one to the folder above the list that
    holds their first part (`crawl-data`), or else to the folder of the list.
    """
    data = read_bytes(paths.url)
    try:
        text = (gzip.decompress(data) if paths.name.endswith(".gz") else data).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise SourceError(f"{paths.name}: not a list of paths ({type(error).__name__}: {error}).") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    above = f"{paths.url.rpartition('/')[0]}/"

    def input_of(line: str) -> Input | None:
        first = f"/{line.partition('/')[0]}/"
        base = root or (above.rpartition(first)[0] if first in above else above)
        url = line if is_whole(line) else join(base, line)
        try:
            return Input(f"{source}/{line.partition('://')[2] or line.lstrip('/')}", url, size_of(url), "")
        except FileNotFoundError:
            return None

    with ThreadPoolExecutor(16) as pool:  # threads: in a bucket each is a round trip
        inputs = list(pool.map(input_of, lines))
    if lost := [line for line, one in zip(lines, inputs, strict=True) if one is None]:
        raise SourceError(
            f"{paths.name}: {counted(len(lost), 'file')} of its {len(lines):,} not there, the first {lost[0]}. Fetch "
            f"them, set sources.{source}.root to the folder or URL that has them, or give a glob of those you have."
        )
    return [one for one in inputs if one is not None]


def _model(source: str, folder: str, wanted: Wanted) -> Input:
    """The file of a model or of a list: of its paths the first that is there."""
    for path in wanted.paths:
        if found := _fitting(folder, path):
            if len(found) > 1:
                names = ", ".join(one.name for one in found)
                raise UsageError(f"{source}: {len(found)} files fit {path}: {names}. Name one of them in the recipe.")
            return identified(found)[0]
    where = " or ".join(path if is_whole(path) else join(folder, path) for path in wanted.paths)
    raise UsageError(f"{source}: nothing at {where}. {wanted.about}")


def _fitting(folder: str, path: str) -> list[Input]:
    """The files of a path: a URL or a path as it stands, or a glob below `--inputs`."""
    if not is_whole(path):
        return find_inputs(folder, path)
    if "*" in path:
        folder, pattern = path.rsplit("/", 1)
        return find_inputs(folder, pattern)
    try:
        size = size_of(path)
    except FileNotFoundError:
        return []
    if filesystem(path)[0].isdir(filesystem(path)[1]):
        raise UsageError(f"{path}: is a folder; expected a file.")
    return [Input(PurePosixPath(path).name, path, size, "")]
