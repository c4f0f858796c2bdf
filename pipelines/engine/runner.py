"""Beam pipelines with the runner pinned by name and our own errors brought back whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions, StandardOptions
from apache_beam.runners.runner import create_runner

from ...errors import CorpusmillError, ShardError, UsageError

# Beam's own default first tries to download a binary, with no timeout, and then falls back in silence: two engines for
# one command.
DEFAULT_RUNNER = "FnApiRunner"
BEAMS_OWN_WORDS = re.compile(r" \[while running '[^']*'\]")
_OURS = re.compile(rf"{re.escape(CorpusmillError.__module__)}\.\w+Error: (.*)")  # as a traceback has it
REFUSED = {
    "DaskRunner": "it computes only the last branch of a graph and reports success",
    "DirectRunner": "it first tries to download another engine and falls back in silence",
}


def pipeline_options(arguments: Sequence[str]) -> PipelineOptions:
    """Beam's options from what stands after `--`.

    Raises:
        UsageError: an option that Beam does not know, or a runner that is known to lose work.
    """
    options = PipelineOptions(list(arguments))  # always a list: with None Beam would parse sys.argv itself
    known = options.get_all_options()
    names = {a: a.lstrip("-").split("=")[0] for a in arguments if a.startswith("--")}
    unknown = [a for a, name in names.items() if name not in known and name.removeprefix("no_") not in known]
    if unknown:
        raise UsageError(f"Beam knows no option {unknown[0]}. Options of corpusmill itself stand before the --.")
    standard = options.view_as(StandardOptions)
    standard.runner = standard.runner or DEFAULT_RUNNER
    name = standard.runner.rsplit(".")[-1]
    if name in REFUSED:
        raise UsageError(f"--runner={name} is refused: {REFUSED[name]}. Leave it out: {DEFAULT_RUNNER} does the work.")
    try:
        create_runner(standard.runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise UsageError(f"--runner={standard.runner}: Beam has no such runner here ({error}).") from error
    # Every function is importable by name: nothing of the main program needs to travel.
    options.view_as(SetupOptions).save_main_session = False
    return options


def is_embedded(options: PipelineOptions) -> bool:
    """Whether the work is done by this process and its own pool."""
    return bool(options.view_as(StandardOptions).runner == DEFAULT_RUNNER)


def run(build: Callable[[beam.Pipeline], None], options: PipelineOptions) -> None:
    """Build a pipeline and run it to its end.

    Raises:
        CorpusmillError: what a shard function raised, without the runner's wrapping where that can be told.
    """
    try:
        with beam.Pipeline(options=options) as pipeline:
            build(pipeline)
    except Exception as error:
        raise _ours(error) from error


def _ours(error: BaseException) -> CorpusmillError:
    """The error of ours that a runner wrapped, or its own in one line."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, CorpusmillError):
            return type(cause)(BEAMS_OWN_WORDS.sub("", str(cause)))
        cause = cause.__cause__ or cause.__context__
    # A portable runner brings back text: the traceback of the worker, our line somewhere in it.
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    found = [match for line in lines if (match := _OURS.search(line))]
    ours = [BEAMS_OWN_WORDS.sub("", match[1]) for match in found]
    return ShardError(
        ours[-1] if ours else f"the runner failed: {type(error).__name__}: {lines[-1] if lines else error}"
    )
