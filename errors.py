"""Every error that a user can meet, as one line: what, where, expected, got, the next move.

    CorpusmillError           exit code 1
    ├── UsageError            2   the command line or the state of the output folder
    │   └── ConfigError       2   a recipe
    ├── CodeError             1   code of a source of the user's own
    ├── SourceError           1   an input that cannot be used at all (a damaged record is no error: see Damage)
    ├── ShardError            1   a work item that failed, or an output file that is not what it should be
    └── MixtureError          1   shares that cannot be had from these sources

Errors cross process borders and Beam rebuilds them to add a stage's name, so each takes one string only.
"""

import difflib
import errno
import linecache
import traceback
from collections.abc import Iterable

# What to do about an error of the system; of others there is nothing to say but what it says itself.
ADVICE = {
    errno.ENOSPC: "Make room, then give the same command again: what is finished is kept.",
    errno.EDQUOT: "Make room, then give the same command again: what is finished is kept.",
    errno.EFBIG: "The disk, or ulimit -f, takes no file of this size.",
    errno.EACCES: "Expected a place where this user may read and write.",
    errno.EPERM: "Expected a place where this user may read and write.",
    errno.EROFS: "Expected a disk that can be written to.",
    errno.EMFILE: "Give fewer --workers, or raise the limit: ulimit -n.",
    errno.ENOMEM: "Give fewer --workers.",
}
LONGEST_SAID = 200  # characters, of what code of the user's own says


class CorpusmillError(Exception):
    """Base of all errors that are shown as one line."""

    exit_code = 1


class UsageError(CorpusmillError):
    """The command, or the output folder that it names, is not usable as given."""

    exit_code = 2


class ConfigError(UsageError):
    """A recipe holds something that it may not hold."""


class CodeError(CorpusmillError):
    """Code of a source of the user's own raised something, or gave what it may not give."""


class SourceError(CorpusmillError):
    """An input cannot be used at all: no such file, no such permission, changed while it was read."""


class ShardError(CorpusmillError):
    """A work item failed, or an output file is not what its record says."""


class MixtureError(CorpusmillError):
    """The shares that a recipe asks for cannot be had from these sources."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for an unknown name, or nothing.

    >>> did_you_mean("wikipdia", ["arxiv", "wikipedia"])
    ' (did you mean "wikipedia"?)'
    >>> did_you_mean("zzz", ["arxiv", "wikipedia"])
    ''
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f' (did you mean "{near[0]}"?)' if near else ""


def of_the_system(error: OSError) -> str:
    """What the system refused, and what can be done about it.

    >>> of_the_system(OSError(errno.ENOSPC, "No space left on device", "out/x"))
    'out/x: No space left on device. Make room, then give the same command again: what is finished is kept.'
    >>> of_the_system(OSError("odd"))
    'odd.'
    """
    said = (error.strerror or str(error) or type(error).__name__).rstrip(".")
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{said}. {ADVICE.get(error.errno or 0, '')}".rstrip()


def raised_in(code: str, error: BaseException) -> str:
    """Where a module of a user, or another one of its package, was last before an error, and what the error says.

    >>> raised_in("forum", KeyError("lenght"))
    "with KeyError: 'lenght'"
    """
    said = str(error)[:LONGEST_SAID]
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    package, where = code.partition(".")[0], ""
    for frame, number in traceback.walk_tb(error.__traceback__):
        if str(frame.f_globals.get("__name__")).partition(".")[0] == package:
            line = linecache.getline(frame.f_code.co_filename, number).strip()[:LONGEST_SAID]
            where = f"at {frame.f_code.co_filename}, line {number}, `{line}`, "
    return f"{where}with {what}"
