"""YAML into frozen dataclasses, strictly: unknown keys and wrong types are errors that name the key."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import yaml

from .errors import ConfigError, did_you_mean

T = TypeVar("T")


class _Strict(yaml.SafeLoader):
    """YAML whose mappings have each key once: of two the second would win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f'the key "{key.value}" stands twice', key.start_mark
                )
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, where: str) -> dict[str, Any]:
    """A YAML mapping, each key once. Raises ConfigError with the line of the mistake."""
    try:
        value = yaml.load(text, _Strict)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f", line {mark.line + 1}" if mark else ""
        what = "" if isinstance(error, yaml.constructor.ConstructorError) else "not YAML: "
        raise ConfigError(f"{where}{at}: {what}{', '.join(filter(None, (error.problem, error.context)))}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{where}: not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(value, dict):
        got = "nothing" if value is None else f"a {type(value).__name__}"
        raise ConfigError(f"{where}: expected a mapping of settings, as in `seed: 1`, got {got}.")
    return value


def line_of(text: str, message: str) -> int | None:
    """The line of a YAML text that an error of `build` is about: of the key that it names, or of what holds it.

    >>> line_of("seed: 1\\nsources:\\n  c4:\\n    epohcs: 1\\n", 'r.sources.c4: unknown key "epohcs"')
    4
    >>> line_of("seed: 1\\nsources:\\n  c4: {}\\n", 'r.sources.c4: "epochs" is missing.')
    3
    """
    place, _, said = message.partition(": ")
    node, line = yaml.compose(text, yaml.SafeLoader), None
    for word in [*place.split(".")[1:], *re.findall(r"\w+", said)]:
        keys = {key.value: (key, value) for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
        if word in keys:
            line = keys[word][0].start_mark.line + 1
            node = keys[word][1]
    return line


def to_yaml(values: Mapping[str, Any]) -> str:
    """Settings as YAML, in their own order."""
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def build(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """A dataclass from a mapping, nested dataclasses included; `where` is the dotted key that errors name.

    Raises:
        ConfigError: an unknown or missing key, or a value of the wrong type.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where}: expected a mapping, got {values!r}.")
    if choose := getattr(cls, "class_of", None):  # a dataclass may leave the choice to one of its settings
        try:
            cls = choose(values)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error
    hints = typing.get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in values:
        if key not in names:
            raise ConfigError(
                f'{where}: unknown key "{key}"{did_you_mean(str(key), names)}; known: {", ".join(names)}.'
            )
    for f in dataclasses.fields(cls):  # type: ignore[arg-type]
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and f.name not in values:
            raise ConfigError(f'{where}: "{f.name}" is missing.')
    try:
        # A text that is left empty, `key=` on a command line or `key:` in a file, is no text.
        given = {key: "" if value is None and hints[key] is str else value for key, value in values.items()}
        return cls(**{key: coerce(hints[key], value, f"{where}.{key}") for key, value in given.items()})
    except ValueError as error:  # a dataclass checks its own ranges in __post_init__
        raise ConfigError(f"{where}: {error}") from error


_CALLED = {
    int: "a whole number, as in 1000 or 1e12",
    float: "a number",
    str: "text",
    bool: "true or false",
    dict: "a mapping",
}


def coerce(hint: Any, value: Any, where: str) -> Any:
    """A value as the type that a field declares, or a ConfigError.

    >>> coerce(tuple[str, ...], ["no", "de"], "languages")
    ('no', 'de')
    >>> coerce(float, "1e-3", "share"), coerce(int, "1e12", "budget_tokens")
    (0.001, 1000000000000)
    >>> coerce(tuple[str, ...], ["de", False], "languages")
    Traceback (most recent call last):
    corpusmill.errors.ConfigError: languages: expected text, got False (YAML takes no and yes for booleans: quote it).
    """
    if hint is Any:
        return value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        words = [word for a in arguments if typing.get_origin(a) is typing.Literal for word in typing.get_args(a)]
        if isinstance(value, str) and value in words:
            return value
        rest = [a for a in arguments if a is not type(None) and typing.get_origin(a) is not typing.Literal]
        if words and not isinstance(value, (Mapping, rest[0])):
            raise ConfigError(f"{where}: expected {' or '.join(words)}, or a mapping of settings; got {value!r}.")
        return coerce(rest[0], value, where)
    if origin is typing.Literal:
        if value in arguments and type(value) is type(arguments[0]):
            return value
        raise ConfigError(f"{where}: expected one of {', '.join(map(str, arguments))}; got {value!r}.")
    if dataclasses.is_dataclass(hint):
        return (
            value if isinstance(value, typing.cast(type, hint)) else build(typing.cast(type[Any], hint), value, where)
        )
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(coerce(arguments[0], v, where) for v in value)
    if origin is dict and isinstance(value, Mapping):
        return {coerce(arguments[0], k, where): coerce(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    if hint in (int, float) and isinstance(value, str):  # PyYAML reads 1e-3 and 1e12 as strings
        with contextlib.suppress(ValueError):
            value = float(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{where}: expected a finite number, got {value}.")
    if isinstance(hint, type) and isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    expected = _CALLED.get(origin or hint, getattr(hint, "__name__", str(hint)))
    if origin is tuple:
        shown = ", ".join(typing.get_args(arguments[0])[:2]) or "a, b"
        expected = f"a list, as in [{shown}]"
    trap = " (YAML takes no and yes for booleans: quote it)" if isinstance(value, bool) else ""
    raise ConfigError(f"{where}: expected {expected}, got {value!r}{trap}.")


def override(values: dict[str, Any], assignment: str) -> dict[str, Any]:
    """`key.sub=value` laid over a mapping; the value is read as YAML.

    >>> override({"a": {"b": 1}}, "a.b=2")
    {'a': {'b': 2}}
    """
    path, equals, text = assignment.partition("=")
    if not equals or not path:
        raise ConfigError(f'--set {assignment}: expected KEY=VALUE, as in "--set seed=2".')
    result = inner = dict(values)
    *parents, last = path.split(".")
    for depth, name in enumerate(parents, 1):
        below = {} if inner.get(name) is None else inner[name]
        if not isinstance(below, dict):
            above = ".".join(parents[:depth])
            raise ConfigError(
                f"--set {assignment}: {above} is {below!r:.60}, which has no settings below it. "
                f'Set "{above}=null" before, or leave this out.'
            )
        inner[name] = dict(below)
        inner = inner[name]
    try:
        inner[last] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {assignment}: {text!r} is not a YAML value.") from error
    return result


def keys_of(cls: type) -> Iterator[str]:
    """The dotted keys of all settings of a dataclass, those of the dataclasses in it included.

    >>> from dataclasses import make_dataclass
    >>> inner = make_dataclass("Inner", [("order", int)])
    >>> list(keys_of(make_dataclass("Outer", [("seed", int), ("ngram", inner | None)])))
    ['seed', 'ngram.order']
    """
    for name, hint in typing.get_type_hints(cls).items():
        if typing.get_origin(hint) is dict:
            continue  # by names that nobody knows here
        inner = [kind for kind in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(kind)]
        yield from (f"{name}.{key}" for kind in inner for key in keys_of(typing.cast(type, kind)))
        if not inner:
            yield name


def words_of(cls: type, key: str) -> list[str]:
    """The words that a setting can be, where it can be no other; empty where it is a number, a text or no setting."""
    hint: Any = cls
    for name in key.split("."):
        kinds = [kind for kind in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(kind)]
        hint = typing.get_type_hints(kinds[0]).get(name) if kinds else None
    if hint is bool:
        return ["true", "false"]
    of_words = [kind for kind in (hint, *typing.get_args(hint)) if typing.get_origin(kind) is typing.Literal]
    return [str(word) for kind in of_words for word in typing.get_args(kind)]
