"""What every pass over a source reads: one slice of an input, within the limit, and the input still as it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import ConfigError, SourceError
from ..mixtures.circle import unit_interval
from ..mixtures.recipe import Recipe
from ..mixtures.sources import OwnRecipe, SourceRecipe
from ..records import Damage, Document
from ..storage import Input, identify
from .inputs import Model
from .source import Slice, Source, Step, models_used
from .sources import source_of

NO_MODELS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Reading:
    """One slice of one source."""

    source: str
    slice: Slice
    recipe: SourceRecipe
    limit: float

    def records(self, counts: Counter[str], models: Mapping[str, str] = NO_MODELS) -> Iterator[Document | Damage]:
        """Its documents and its damage. Raises SourceError when the input changed meanwhile."""
        for record in source_of(self.source, self.recipe).read(self.slice, self.recipe, models):
            if isinstance(self.recipe, OwnRecipe) and isinstance(record, Document):
                check_own(record, self.source)
            if self.limit < 1 and isinstance(record, Document) and unit_interval(record.id, "limit") >= self.limit:
                counts["documents.outside_limit"] += 1
            else:
                yield record
        check_unchanged(self.slice.input)


def check_own(document: Document, source: str) -> None:
    """Raises ConfigError: the code of a source of the user's own names a document in a way that nothing could find."""
    if document.source != source or not document.id.startswith(f"{source}:") or document.id == f"{source}:":
        raise ConfigError(
            f"sources.own.{source}: its code gives the id {document.id!r:.80} and the source {document.source!r:.80}; "
            f"expected the source {source!r}, and ids that begin with {source}: and go on."
        )


def check_unchanged(one: Input) -> None:
    """Raises SourceError: an input is not what it was when the run began."""
    if identify(one.url) != one.identity:
        raise SourceError(f"{one.name}: changed while it was read. Run again, with --redo, once it is complete.")


@dataclass(frozen=True)
class Work:
    """What is to be read of one source, in its order, and with which models: of the user, then those made, too.

    What is read `beside` has no documents, but something to be known of them.
    """

    plan: Sequence[Reading]
    models: Mapping[str, Model]
    beside: Sequence[Reading] = ()
    passed_over: Sequence[str] = ()  # inputs that hold nothing to read, as their names say


def readings(source: str, inputs: Sequence[Input], recipe: Recipe) -> list[Reading]:
    """The slices of all inputs: the plan of a source, in its order."""
    options = recipe.active[source]
    return [
        Reading(source, piece, options, recipe.limit)
        for one in inputs
        for piece in source_of(source, options).slices(one, options)
    ]


def models_of(source: Source, steps: Sequence[Step], models: Mapping[str, Model]) -> dict[str, Model]:
    """Those of the models that reading a source and some of its steps use."""
    names = [*(name for name in source.uses if name in models), *models_used(steps)]
    return {name: models[name] for name in names}


def made_from(piece: Slice) -> tuple[object, ...]:
    """What a fingerprint says of the slice that an output is made from."""
    return (piece.input.name, piece.input.size, piece.input.identity, piece.start, piece.stop)


def versions(steps: Sequence[Step]) -> list[tuple[str, int, dict[str, object]]]:
    """What a fingerprint says of steps."""
    return [(step.name, step.version, dict(step.decides)) for step in steps]
