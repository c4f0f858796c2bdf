"""Code of a source of the user's own, called so that what it raises is one line that says where in it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, NoReturn

from ..errors import CodeError, CorpusmillError, raised_in
from ..formats.documents import document_row
from ..records import Damage, Document, Dropped, Reasons, counted
from .source import Aids, Exchange, Function, Slice, Source, Step

# What functions of a source give: one of these, or any number of those.
ONE: Mapping[str, type] = MappingProxyType({"files": str, "revision": int, "content": str, "split_key": str})
MANY: Mapping[str, type] = MappingProxyType(
    {"slices": Slice, "steps": Step, "odd": str, "made": tuple, "left_out": str}
)
# What is written of records; wrong kinds would be found far from the code that gave them.
FIELDS: Mapping[type, Mapping[str, type]] = MappingProxyType(
    {
        Document: {"id": str, "text": str, "source": str, "meta": Mapping},
        Dropped: {"id": str, "reason": Reasons, "measure": Real, "head": str, "detail": str, "url": str},
        Damage: {"offset": Integral, "error": str, "detail": str},
    }
)


def guarded(source: Source, code: str) -> Source:
    """The source with its functions, its reader and its steps guarded, and all that they give looked at; `code` names
    the module that they are of."""
    functions: dict[str, Any] = {
        one.name: _guarded(_looked_at(function, one.name), code, f"{one.name} of the source {source.name}")
        for one in dataclasses.fields(source)
        if callable(function := getattr(source, one.name)) and not isinstance(function, type)
    }

    def read(piece: Slice, options: Any, models: Mapping[str, str]) -> Iterator[Document | Damage]:
        last, said = None, ""
        try:
            records = source.read(piece, options, models)
            for record in records:
                last, said = record, "for"
                if trouble := _trouble(record, (Document, Damage), "a Document or a Damage"):
                    _stop(records, TypeError(f"it yields {trouble}"))
                yield record
                said = "behind"
        except Exception as error:
            which = f", {said} {last.id!r:.80}," if isinstance(last, Document) else ""
            _tell(error, code, f"read of the source {source.name}{which}")

    def steps(options: Any, aids: Aids) -> tuple[Step, ...]:
        return tuple(_step(one, code) for one in functions["steps"](options, aids))

    return dataclasses.replace(source, **{**functions, "read": read, "steps": steps})


def _step(one: Step, code: str) -> Step:
    part = f"the step {one.name!r}"
    return dataclasses.replace(
        one,
        function=_judging(one.function, code, part, alone=one.exchange is None),
        exchange=one.exchange and _exchange(one.exchange, code, part),
        lines=one.lines and _guarded(one.lines, code, part),
    )


def _exchange(one: Exchange, code: str, part: str) -> Exchange:
    return dataclasses.replace(
        one,
        keys=_guarded(one.keys, code, part),
        scope=_guarded(one.scope, code, part),
        owners=one.owners and _guarded(one.owners, code, part),
        lines=one.lines and _guarded(one.lines, code, part),
    )


def _guarded(function: Callable[..., Any], code: str, part: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def called(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as error:
            first = arguments[0] if arguments else None
            _tell(error, code, f"{part}, for {first.id!r:.80}," if isinstance(first, Document) else part)

    return called


def _judging(function: Function, code: str, part: str, alone: bool) -> Function:
    """The function of a step; `alone`: it judges each document of a batch by itself, so that the one can be told that
    it fails for."""

    def judged(documents: Sequence[Document]) -> Sequence[Document | Dropped]:
        try:
            return _checked(function, documents)
        except Exception as error:
            one = next((one for one in documents if alone and _fails(function, one)), None)
            _tell(error, code, f"{part}, for {one.id!r:.80}," if one else part)

    return judged


def _checked(function: Function, documents: Sequence[Document]) -> Sequence[Document | Dropped]:
    results = function(documents)
    if len(results) != len(documents):
        raise ValueError(f"it gives {len(results)} results for {counted(len(documents), 'document')}")
    for before, result in zip(documents, results, strict=True):
        # Of the same document the text was looked at; its metadata may have been changed where they are.
        new = dataclasses.replace(before, text="") if result is before else result
        if trouble := _trouble(new, (Document, Dropped), "a document, or drop(…)"):
            raise TypeError(f"it gives {trouble}")
    return results


def _looked_at(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The function of a source that is called so, which raises TypeError where it gives what it may not give."""
    one, many = ONE.get(name), MANY.get(name)
    of = one or many
    if of is None:
        return function
    expected = f"a list of {of.__name__}s" if many else of.__name__

    @functools.wraps(function)
    def called(*arguments: Any) -> Any:
        given = function(*arguments)
        if many and isinstance(given, Iterable) and not isinstance(given, str | bytes):
            given = [*given]
            for each in given:
                if not isinstance(each, of):
                    raise TypeError(f"it gives a list with {_a(each)}; expected {expected}")
        elif many or not isinstance(given, of):
            raise TypeError(f"it gives {_a(given)}; expected {expected}")
        return given

    return called


def _a(value: object) -> str:
    return f"a {type(value).__name__}"


def _stop(records: Iterable[object], error: Exception) -> NoReturn:
    """Raise the error where a reader stands, so that it has the line of it."""
    if isinstance(records, Generator):
        records.throw(error)
    raise error


def _trouble(record: object, kinds: tuple[type, type], expected: str) -> str:
    """What is wrong with what a reader or a step gives, so that it could not be written; empty where nothing is."""
    kind = next((kind for kind in kinds if isinstance(record, kind)), None)
    if kind is None:
        return f"{_a(record)}; expected {expected}"
    for name, of in FIELDS[kind].items():
        value = getattr(record, name)
        if not isinstance(value, of) and not (value is None and of is Real):
            return f"a {kind.__name__} whose {name} is {_a(value)}; expected {of.__name__}"
    try:
        texts = document_row(record).values() if isinstance(record, Document) else []
        "".join(texts).encode()
    except (TypeError, ValueError, RecursionError) as error:
        return f"a {kind.__name__} that cannot be written: {error}"
    return ""


def _fails(function: Function, document: Document) -> bool:
    try:
        _checked(function, [document])
    except Exception:
        return True
    return False


def _tell(error: Exception, code: str, part: str) -> NoReturn:
    """Raise what the code raised as an error of ours; an error of ours keeps its line."""
    if isinstance(error, CorpusmillError):
        raise error
    raise CodeError(f"{part} fails {raised_in(code, error)}. --debug shows all of it.") from error
