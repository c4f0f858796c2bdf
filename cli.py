"""The command line: one program, verbs below it. stdout is the answer, stderr the progress."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click
from rich.console import Console

from . import __version__
from .config import to_yaml
from .errors import CorpusmillError, Interrupted, UsageError
from .manifest import read_facts
from .mixtures.plan import plan as plan_mixture
from .mixtures.recipe import Recipe, load
from .records import counted
from .report import funnel, models
from .storage import join, write_json

if TYPE_CHECKING:
    from .pipelines.command import Command

DAMAGED = 4
DIFFERENT = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Exit code: 0 done, 1 failed, 2 usage, 3 differences, 4 done with damage, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # Ours before the first --, Beam's after it: a mistyped option of ours must not flow to Beam in silence.
    cut = given.index("--") if "--" in given else len(given)
    try:
        if given[cut:] and given[0] not in ("run", "ngram"):
            raise UsageError("options after -- are Beam's, and only `corpusmill run` and `ngram` take them.")
        result = cli.main(given[:cut], prog_name="corpusmill", standalone_mode=False, obj=given[cut + 1 :])
        return result if isinstance(result, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return Interrupted.exit_code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return Interrupted.exit_code
    except Exception as error:
        if "--debug" in given:
            traceback.print_exc()
        if isinstance(error, OSError):
            error = CorpusmillError(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.")
        if not isinstance(error, CorpusmillError):
            error = CorpusmillError(f"{type(error).__name__}: {error} (a bug; --debug shows where).")
        Console(stderr=True).print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return error.exit_code


def _epilog(*examples: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  corpusmill {example}" for example in examples)


def _debug_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`main` looks for it: every command takes it, none reads it."""
    return click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")(function)


_set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting of the recipe, by its dotted key.",
)


def _recipe_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        _set_option,
        click.option(
            "--limit",
            type=click.FloatRange(0, 1, min_open=True),
            help="Only this share of the documents, by a hash of their ids; lines are compared among those alone.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables."),
        click.argument("recipe"),
    ):
        function = option(function)
    return function


def _run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="No progress."),
        click.option("--allow-empty", is_flag=True, help="A glob without a match is no error."),
        click.option("--allow-damage", is_flag=True, help="Damaged input does not change the exit code."),
        click.option(
            "--redo", is_flag=True, help="Take the recipe and the inputs as they are now; what did not change is kept."
        ),
        click.option(
            "--workers",
            default=os.cpu_count() or 1,
            type=click.IntRange(min=1),
            help="Processes on this machine [default: one a core].",
        ),
        click.option(
            "--output", required=True, help="Folder or URL of the run. The same command goes on where it stopped."
        ),
        click.option("--inputs", required=True, help="Folder or URL of the raw dumps, a sub-folder for each source."),
    ):
        function = option(function)
    return function


def _load(recipe: str, overrides: Sequence[str], limit: float | None) -> Recipe:
    return load(recipe, [*overrides, *([] if limit is None else [f"limit={limit}"])])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="corpusmill")
def cli() -> None:
    """From raw public dumps to the LLaMA pre-training corpus: documents, tokenizer, weighted token shards."""


@cli.command(short_help="Write small sample inputs.", epilog=_epilog("sample data", "sample data --seed 2 --scale 10"))
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--seed", default=0, show_default=True, help="Another seed gives other texts.")
@click.option(
    "--scale",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0.01),
    help="Number of documents, as a multiple.",
)
@_debug_option
def sample(folder: str, seed: int, scale: float) -> None:
    """Write small inputs into FOLDER, in the published formats of the sources, some of them damaged on purpose."""
    from .samples import write_sample

    for path in write_sample(folder, seed, scale):
        click.echo(path)


@cli.command(
    short_help="Compare a recipe with Table 1 of the paper.",
    epilog=_epilog(
        "plan mixtures/llama1.yaml", "plan mixtures/sample.yaml --output OUT", "plan llama1 --set budget_tokens=1e12"
    ),
)
@_recipe_options
@click.option("--output", help="A finished run: its token counts fill the table.")
@_debug_option
def plan(recipe: str, overrides: tuple[str, ...], limit: float | None, as_json: bool, output: str | None) -> int:
    """Shares, tokens and epochs of RECIPE beside Table 1 of the paper, and which source is too small (exit code 3)."""
    loaded = _load(recipe, overrides, limit)
    available = None
    if output is not None:
        facts = read_facts(output)
        if not facts or not facts["mixture"]:
            raise UsageError(
                f"{output}: no finished run of a whole recipe here; expected manifest.json with a mixture."
            )
        available = {row["source"]: row["available"] for row in facts["mixture"]["table"]}
    rows = [asdict(row) for row in plan_mixture(loaded, available)]
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
    else:
        funnel.answer_console().print(funnel.mixture(rows))
    return DIFFERENT if any(row["short"] for row in rows) else 0


@cli.command(
    short_help="The steps of a source, and what they follow.",
    epilog=_epilog("describe wikipedia", "describe commoncrawl --set sources.commoncrawl.cited=skip --json"),
)
@click.argument("source")
@click.option("--recipe", default="llama1", show_default=True, help="Whose settings to show.")
@_set_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each step.")
@_debug_option
def describe(source: str, recipe: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """The steps of SOURCE in their order, each with its basis: the paper, a reference implementation, or ours."""
    from .report.describe import rows, table

    loaded = _load(recipe, overrides, None)
    if as_json:
        for row in rows(source, loaded):
            click.echo(json.dumps(row))
    else:
        funnel.answer_console().print(table(source, loaded))


@cli.command(
    short_help="From dumps to documents and token shards.",
    epilog=_epilog(
        "run mixtures/sample.yaml --inputs data --output OUT",
        "run mixtures/sample.yaml --inputs data --output OUT --limit 0.1 --dry-run",
        "run mixtures/llama1.yaml wikipedia --inputs dumps --output gs://bucket/llama1 -- --runner=DataflowRunner …",
    ),
)
@_recipe_options
@click.argument("sources", nargs=-1)
@_run_options
@click.option(
    "--dry-run", is_flag=True, help="Print the resolved recipe, the inputs found and what would be made; write nothing."
)
@_debug_option
@click.pass_obj
def run(
    beam: Sequence[str], /, recipe: str, overrides: tuple[str, ...], limit: float | None, as_json: bool, **options: Any
) -> int:
    """Make the documents, tokenizer and token shards of RECIPE; or, with SOURCES named, their documents alone.

    Options of Beam follow after --.
    """
    _quieten_beam()
    from .pipelines.command import Command, dry_run

    command = Command(_load(recipe, overrides, limit), beam=beam, **options)
    if command.dry_run:
        _print_dry_run(dry_run(command), as_json)
        return 0
    return _execute(command, as_json)


@cli.command(
    short_help="Train n-gram models on Wikipedia.",
    epilog=_epilog(
        "ngram mixtures/llama1.yaml --inputs dumps --output models",
        "ngram mixtures/sample.yaml en de --inputs data --output models",
        "run mixtures/llama1.yaml commoncrawl … --set sources.commoncrawl.perplexity.models=/path/models/models/ngram",
    ),
)
@_recipe_options
@click.argument("languages", nargs=-1)
@_run_options
@_debug_option
@click.pass_obj
def ngram(
    beam: Sequence[str],
    /,
    recipe: str,
    overrides: tuple[str, ...],
    limit: float | None,
    as_json: bool,
    languages: tuple[str, ...],
    **options: Any,
) -> int:
    """Train the n-gram models of LANGUAGES on the lead sections of the Wikipedia dumps of RECIPE, for `score` and for
    the perplexity of CommonCrawl's pages. Without LANGUAGES, of all Wikipedias of the recipe that are there.

    They come to OUTPUT/models/ngram, a model a language. Options of Beam follow after --.
    """
    _quieten_beam()
    from .pipelines.command import Command

    loaded = _load(recipe, overrides, limit)
    if loaded.sources.wikipedia is None:
        raise UsageError(f'the recipe "{loaded.name}" has no wikipedia; n-gram models are trained on it.')
    for language in languages:
        if not re.fullmatch("[a-z]+(-[a-z]+)*", language):
            raise UsageError(f"{language!r}: expected the code of a Wikipedia, as in en or zh-yue.")
    return _execute(
        Command(loaded, sources=("wikipedia",), beam=beam, ngrams=tuple(dict.fromkeys(languages)), **options), as_json
    )


def _quieten_beam() -> None:
    """A handler first: without one Beam's import prints warnings through the root logger, and takes it over."""
    logging.getLogger().addHandler(logging.NullHandler())


def _execute(command: Command, as_json: bool) -> int:
    """Run a command, print what came of it, and give the exit code."""
    from .pipelines.command import execute

    with _interruptible():
        facts = execute(command)
    if as_json:
        click.echo(json.dumps(facts))
    else:
        _print_run(facts, command.output)
    damaged = sum(facts["damage"].values())
    if damaged:
        shown = sum(
            n for counts in facts["sources"].values() for name, n in counts.items() if name.startswith("damage.")
        )
        beside = f", {damaged - shown} of it in dumps that were read for models" if damaged > shown else ""
        where = f"{command.output}/errors lists them with path, offset and reason."
        message = f"{counted(damaged, 'piece')} of damaged input left out{beside}; {where}"
        Console(stderr=True).print(message, style="yellow", markup=False, highlight=False, soft_wrap=True)
    return DAMAGED if damaged and not command.allow_damage else 0


def _print_dry_run(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(to_yaml(facts["recipe"]))
    for source, found in facts["sources"].items():
        click.echo(f"{source}: {len(found['inputs'])} inputs, {sum(found['inputs'].values()) / 1e6:,.1f} MB")
        for name, size in found["inputs"].items():
            click.echo(f"  {name}  {size:,} bytes")
        for what, name in found["models"].items():
            click.echo(f"  model ({what})  {name}")
        done = found["items"] - found["to_do"]
        click.echo(f"  {found['phase']}: {found['items']} work items, {done} finished, {found['to_do']} to do")
    if facts["tokenizer"]:
        click.echo(f"tokenizer: {facts['tokenizer']}")
    for note in facts["notes"]:
        click.echo(note)
    click.echo("then the other phases of each source; and tokenizer, tokens and shards, unless sources are named")


def _print_run(facts: dict[str, Any], output: str) -> None:
    console = funnel.answer_console()
    if facts["sources"]:
        console.print(funnel.funnel(facts["sources"]))
    for kind in funnel.PIECES:
        if any(f"{kind}.in" in counts for counts in facts["sources"].values()):
            console.print(funnel.pieces(kind, facts["sources"]))
    if facts["models"]:
        console.print(models.table(facts["models"]))
    for source, steps in facts["left_out"].items():
        for step in steps:
            console.print(f"{source}: left out, though the paper has it: {step}.", markup=False, highlight=False)
    if facts["mixture"]:
        console.print(funnel.mixture(facts["mixture"]["table"]))
        shards = facts["mixture"]["n_shards"]
        said = f"{counted(shards['train'], 'training shard')} and {shards['val']} for validation in {output}/shards"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
        for split, found in facts["mixture"]["sequences"].items():
            each = f", {found['each']:,} in each shard" if found["each"] else ""
            said = f"{split}: {found['sequences']:,} sequences{each}, {found['padding']:,} tokens of padding in them"
            console.print(f"{said}, {found['left_out']:,} tokens left out", highlight=False, soft_wrap=True)
        said = f"How trainers read them: README.txt of each format in {output}/shards"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    if facts["sources"]:
        console.print("Digests (the same for the same corpus):", highlight=False)
        for what in ("documents", "train", "val", "shards"):
            if digest := facts["corpus"].get(what):
                console.print(f"  {what:<9}  {digest}", highlight=False, soft_wrap=True)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C by a handler and a flag: Beam turns a KeyboardInterrupt inside a DoFn into 125 lines of traceback."""
    from .pipelines.engine.pool import stop_children

    interrupted = []

    def interrupt(*_: object) -> NoReturn:
        interrupted.append(True)
        stop_children()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except BaseException:
        if interrupted:
            print("Interrupted. Finished shards are kept; the same command goes on.", file=sys.stderr, flush=True)
            # Not sys.exit: a thread of the runner may still work on a shard. Files are published whole or not at all.
            os._exit(Interrupted.exit_code)
        raise
    finally:
        signal.signal(signal.SIGINT, before)


@cli.command(short_help="Compare a finished run with its record.", epilog=_epilog("check OUT", "check OUT --json"))
@click.argument("output")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each difference.")
@_debug_option
def check(output: str, as_json: bool) -> int:
    """Read everything in OUTPUT again and compare it with its record; exit code 3 on any difference."""
    from .shards.check import check_output

    n_files, differences = 0, 0
    for result in check_output(output):
        if result is None:
            n_files += 1
            continue
        differences += 1
        click.echo(
            json.dumps({"path": result.path, "difference": result.text}) if as_json else f"{result.path}: {result.text}"
        )
    if not as_json:
        click.echo(f"{n_files} files checked, {differences} differences.")
    return DIFFERENT if differences else 0


@cli.command(
    short_help="Why a document was kept or dropped.",
    epilog=_epilog(
        "why OUT https://example.org/page.html",
        "why OUT commoncrawl:ba729a40-ff84-4085-8d48-0a5b2ee0c42d --inputs data",
    ),
)
@click.argument("output")
@click.argument("document", metavar="ID_OR_URL")
@click.option("--inputs", help="Folder or URL of the raw dumps of the run: shows every step and every line.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each document found.")
@_debug_option
def why(output: str, document: str, inputs: str | None, as_json: bool) -> None:
    """Follow one document of the run in OUTPUT: which of its lines went and how many documents have them, what each
    step measured, and the verdict. A URL may name several documents."""
    from .pipelines.why import fates
    from .report.why import show

    for fate in fates(output, document, inputs):
        if as_json:
            click.echo(json.dumps(asdict(fate)))
        else:
            show(fate, funnel.answer_console())


@cli.command(
    short_help="Take documents out of a finished corpus.",
    epilog=_epilog(
        "takedown OUT wikipedia:en/12 https://example.org/page.html --dry-run",
        "takedown OUT --from list.txt",
        "takedown OUT",
    ),
)
@click.argument("output")
@click.argument("documents", metavar="[ID_OR_URL]...", nargs=-1)
@click.option("--from", "listed", type=click.File(), help="File of ids and URLs, one a line; - is stdin.")
@click.option("--dry-run", is_flag=True, help="Say which documents, token files and shards it touches; write nothing.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option(
    "--workers", default=os.cpu_count() or 1, type=click.IntRange(min=1), help="Processes [default: one a core]."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@_debug_option
def takedown(
    output: str,
    documents: tuple[str, ...],
    listed: TextIO | None,
    dry_run: bool,
    quiet: bool,
    workers: int,
    as_json: bool,
) -> None:
    """Take documents, by id or URL, out of the finished run in OUTPUT: out of its documents, its token files and every
    format of the shards that they stand in, and out of what it keeps for later runs. No other shard is written.

    The list stays in OUTPUT/takedown.json, and later runs there keep to it. An id that is not in the corpus goes on the
    list, too. Killed, the same command goes on; without ids it goes on with the last one.
    """
    _quieten_beam()
    from .pipelines.takedown import asked, take_down, touched_by
    from .report.takedown import show

    words = asked([*documents, *(listed or ())])
    if dry_run:
        touched, _ = touched_by(output, words)
    else:
        with _interruptible():
            touched, _ = take_down(output, words, workers, quiet)
    if as_json:
        click.echo(json.dumps(asdict(touched)))
    else:
        show(touched, dry_run, funnel.answer_console())


@cli.command(
    short_help="Which document a token of a shard comes from.",
    epilog=_epilog(
        "where OUT train-00000-of-00014 12345", "where OUT OUT/shards/megatron/val-00000-of-00001.bin 0 --json"
    ),
)
@click.argument("output")
@click.argument("shard")
@click.argument("offset", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@_debug_option
def where(output: str, shard: str, offset: int, as_json: bool) -> None:
    """Name the document, source, licence and URL of token OFFSET of SHARD, counted from 0 over the documents of the
    shard one behind the other, with their BOS and EOS. SHARD is a file of any format, or the name of the shard."""
    from .pipelines.where import locate
    from .report.where import show

    place = locate(output, shard, offset)
    if as_json:
        click.echo(json.dumps(asdict(place)))
    else:
        show(place, funnel.answer_console())


@cli.command(
    short_help="The perplexity of local files.",
    epilog=_epilog(
        "score models notes.txt --language en",
        "score OUT pages.jsonl.gz --cutoffs OUT/models/commoncrawl/cutoffs.json",
        "score models - --each-line --json < lines.txt",
    ),
)
@click.argument("models")
@click.argument("files", nargs=-1, required=True)
@click.option("--language", default="en", show_default=True, help="Whose model to use.")
@click.option("--per-line", is_flag=True, help="Each line of a document is a sentence, not the whole document.")
@click.option("--each-line", is_flag=True, help="Each line of a text file is a document.")
@click.option("--cutoffs", help="File of cutoffs, JSON or a table: say in which part each document is.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each document.")
@_debug_option
def score(models: str, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Score FILES with an n-gram model of the folder MODELS, which holds <language>.sp.model and <language>.arpa.bin
    (or .arpa), or is the output of a run that made them. The lower the perplexity, the more a text is like Wikipedia.

    A .jsonl or .jsonl.gz file has a document a line, its field `text`; any other file is one document; - is stdin.
    """
    from .report.score import print_scores, score_files

    scores = score_files(files, models, **options)
    if as_json:
        for one in scores:
            click.echo(json.dumps(asdict(one)))
    else:
        print_scores(scores, funnel.answer_console())


@cli.command(
    short_help="Train a small LLaMA on the shards.",
    epilog=_epilog(
        "train OUT",
        "train OUT --steps 1000 --batch-size 16 --device cuda --compile",
        "train OUT --export small-llama     # of a finished training, too",
    ),
)
@click.argument("output")
@click.option("--steps", default=200, show_default=True, type=click.IntRange(min=1), help="Optimiser steps.")
@click.option("--batch-size", default=8, show_default=True, type=click.IntRange(min=1), help="Sequences in a step.")
@click.option("--seq-len", default=256, show_default=True, type=click.IntRange(min=1), help="Tokens in a sequence.")
@click.option("--seed", default=0, show_default=True, help="Of the initial weights.")
@click.option(
    "--device", default="auto", show_default=True, help="auto (a GPU where there is one), cpu, cuda, or as torch says."
)
@click.option("--bf16/--no-bf16", default=None, help="Compute in bfloat16  [default: on a GPU that can]")
@click.option(
    "--compile", "compiled", is_flag=True, help="Run the model by torch.compile, which takes a minute to start."
)
@click.option("--save", help="Folder of checkpoint, result and picture  [default: OUTPUT/llama]")
@click.option(
    "--checkpoint-every", default=100, show_default=True, type=click.IntRange(min=1), help="Steps between checkpoints."
)
@click.option("--redo", is_flag=True, help="Begin again, in place of the training that is saved there.")
@click.option("--export", "exported", help="Folder or URL for the model in the files of Hugging Face's transformers.")
@click.option("-q", "--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@_debug_option
def train(
    output: str, steps: int, save: str | None, exported: str | None, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Train a small LLaMA on the shards of OUTPUT; report the loss of each source, on the validation split in bits a
    byte, too. Needs the extra `model`.

    OUTPUT/llama gets checkpoint.pt, result.json and loss.svg. A training that was stopped goes on from its checkpoint
    with the same command, and comes to the same numbers on a CPU.
    """
    # Before torch is imported: on a busy machine its threads would otherwise spin while they wait for one another.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import matplotlib  # noqa: F401  better now than when the training is done

        from .llama.checkpoint import load_checkpoint
        from .llama.export import export
        from .llama.train import MEAN_STEPS
        from .llama.train import train as train_model
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed; pip install 'corpusmill[model]' brings it.") from error
    from .report import training

    save = join(output, "llama") if save is None else save
    with training.watching(Console(stderr=True), quiet) as report:
        result = train_model(output, steps, save=save, report=report, **options)
    write_json(join(save, "result.json"), asdict(result))
    checkpoint = load_checkpoint(save)
    assert checkpoint is not None, "saved after the last step"
    training.draw(join(save, "loss.svg"), checkpoint.history, checkpoint.origin.sources, result, MEAN_STEPS)
    if exported is not None:
        export(checkpoint, output, exported)
    if as_json:
        click.echo(json.dumps(asdict(result)))
        return
    console = funnel.answer_console()
    console.print(training.table(result))
    said = f"Checkpoint, result.json and loss.svg in {save}" + (f"; the model in {exported}" if exported else "")
    console.print(said, markup=False, highlight=False, soft_wrap=True)
