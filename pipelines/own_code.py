"""Code of a source of the user's own, called so that what it raises is one line that says where in it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from ..errors import CodeError, CorpusmillError, raised_in
from ..records import Damage, Document, Dropped, counted
from .source import Aids, Exchange, Function, Slice, Source, Step


def guarded(source: Source, code: str) -> Source:
    """The source with its functions, its reader and its steps guarded; `code` names the module that they are of."""
    functions: dict[str, Any] = {
        one.name: _guarded(getattr(source, one.name), code, f"{one.name} of the source {source.name}")
        for one in dataclasses.fields(source)
        if callable(getattr(source, one.name)) and not isinstance(getattr(source, one.name), type)
    }

    def read(piece: Slice, options: Any, models: Mapping[str, str]) -> Iterator[Document | Damage]:
        last = None
        try:
            for record in source.read(piece, options, models):
                if not isinstance(record, Document | Damage):
                    raise TypeError(f"it yields a {type(record).__name__}; expected a Document or a Damage")
                last = record
                yield record
        except Exception as error:
            behind = f", behind {last.id!r:.80}," if isinstance(last, Document) else ""
            _tell(error, code, f"read of the source {source.name}{behind}")

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
            _tell(error, code, part)

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
    for result in results:
        if not isinstance(result, Document | Dropped):
            raise TypeError(f"it gives a {type(result).__name__}; expected a document, or drop(…)")
    return results


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
