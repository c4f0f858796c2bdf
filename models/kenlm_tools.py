"""KenLM's tools, where they are at hand: lmplz estimates models, build_binary makes files to map of them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import ShardError
from ..storage import sha256_of

VOCAB_ESTIMATE = 65_536  # CCNet's vocabularies; lmplz sizes its first buffers by it, and takes larger ones too
_LAST_WORDS = 4096  # bytes of what a tool says that are looked at


def find_tool(name: str) -> str | None:
    """The path of a tool: on PATH, or beside the Python that runs."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def describe_tool(path: str) -> str:
    """What is recorded of a tool: its name and the start of its SHA-256, for KenLM's tools tell no version."""
    return f"{Path(path).name} {sha256_of(path)[:12]}"


def build_binary(tool: str, arpa: Path, binary: Path) -> None:
    """Make a KenLM binary of an ARPA file: a probing table, the layout that scores fastest.

    It is built in memory, of about the size of the binary, and then written; only tries would need temporary files.
    Raises ShardError, and leaves no binary, if the tool fails.
    """
    _run([tool, "probing", str(arpa.absolute()), str(binary.absolute())], binary)


def lmplz(
    tool: str, text: Path, arpa: Path, scratch: Path, order: int, prune: Sequence[int] = (), memory_mb: int = 1024
) -> None:
    """Estimate an n-gram model (modified Kneser-Ney) of a text of one sentence a line, as CCNet does.

    Temporary files lie in `scratch`, a folder. Of n-grams of each order those are pruned that occur no more often than
    `prune` says. Words of the text that are symbols of the model (`<s>`) count as blanks.
    Raises ShardError, and leaves no ARPA file, if the tool fails.
    Source: cc_net, Makefile.
    """
    flags = ["--order", str(order), "--memory", f"{memory_mb}M", "--temp_prefix", f"{scratch.absolute()}/"]
    flags += ["--vocab_estimate", str(VOCAB_ESTIMATE), "--skip_symbols", "--discount_fallback"]
    flags += ["--prune", *map(str, prune)] if prune else []
    _run([tool, *flags, "--text", str(text.absolute()), "--arpa", str(arpa.absolute())], arpa)


def _run(command: Sequence[str], output: Path) -> None:
    """Run a tool quietly; if it fails, its output goes, and its last words are the error."""
    with tempfile.TemporaryFile(dir=output.absolute().parent) as said:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said)
            failed = _ending(done.returncode)
        except OSError as error:
            failed = f"cannot be run: {error.strerror or error}"
        if failed:
            output.unlink(missing_ok=True)
            size = said.seek(0, 2)
            said.seek(max(0, size - _LAST_WORDS))
            raise ShardError(f"{command[0]} {failed}{_last_line(said.read())}")


def _ending(code: int) -> str:
    """How a process failed, or nothing.

    >>> _ending(0), _ending(3), _ending(-9)
    ('', 'gave exit code 3', 'was ended by SIGKILL')
    """
    if code < 0:
        return f"was ended by {next((known.name for known in signal.Signals if known == -code), f'signal {-code}')}"
    return f"gave exit code {code}" if code else ""


def _last_line(said: bytes) -> str:
    """The last line that says something, behind a colon; KenLM closes with a bare ERROR, and draws bars of `*` and `-`.

    >>> _last_line(b"End of file\\nByte: 0\\nERROR\\n"), _last_line(b"")
    (': Byte: 0', '')
    """
    lines = [line.strip() for line in said.decode("utf-8", "replace").replace("\r", "\n").split("\n")]
    telling = [line for line in lines if line.strip("*-0123456789") and line != "ERROR"]
    return f": {telling[-1]}" if telling else ""
