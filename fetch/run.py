"""A whole fetch: what is wanted, what is there, whether there is room, and several files at a time."""

from __future__ import annotations

import contextlib
import fcntl
import fnmatch
import itertools
import os
import queue
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

from ..errors import CorpusmillError, SourceError, UsageError
from ..mixtures.sources import LLAMA_WIKIPEDIAS, check_language
from ..records import counted
from ..storage import ASIDE, filesystem, is_local, publish
from .addresses import Address, address_of, check_dump
from .client import Client, Clock, Missing, Stop, StoppedError
from .download import NOTE, PARTIAL, RESERVE, Download, Fetched, Watcher, append_note, refuse_pages
from .listing import LISTINGS, Ask, Wanted, available

T = TypeVar("T")

ASKED = 100  # files whose sizes a dry run asks for; of more the total is worked out from these
IN_A_ROW = 5  # failures, one behind the other, after which the publisher is left alone

State = Literal["fetched", "there", "absent", "failed", "left", "wanted"]


@dataclass(frozen=True)
class Outcome:
    """What became of a file. `left`: not tried, as others failed before it; `wanted`: a dry run would fetch it."""

    path: str
    state: State
    url: str
    bytes: int | None = None
    sha256: str = ""
    published: str = ""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the command line asks for."""

    source: str
    inputs: str
    dumps: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    limit: int | None = None
    folder: str = ""  # in place of the publisher's
    contact: str = ""
    connections: int | None = None
    wait: float | None = None
    dry_run: bool = False


@dataclass
class Fetch:
    """A request that is being served."""

    request: Request
    clock: Clock = field(default_factory=Clock)
    found: list[Wanted] = field(default_factory=list)
    tell: Callable[[str], None] = lambda _: None
    in_a_row: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.address = checked(self.request)
        self.root = Path(filesystem(self.request.inputs)[1])
        self.dumps = self.request.dumps or ((self.address.default,) if self.address.default else ())
        wait = self.address.wait if self.request.wait is None else self.request.wait
        self.client = Client(self.clock, wait, self.request.contact, self.tell)

    @property
    def connections(self) -> int:
        return self.request.connections or self.address.connections

    def plan(self) -> None:
        """Find what is wanted: the files of all dumps, those that `only` names, the first `limit` of them.

        Raises:
            UsageError: no dump is named where one must be.
            SourceError: a list cannot be had.
        """
        if self.address.dump and not self.dumps:
            ask = self._ask("")
            known = available(ask, (ask.languages or ("en",))[0])
            there = f" There are {', '.join(known)}, as the index says." if known else ""
            raise UsageError(f"{self.request.source}: --dump is missing, as in --dump {self.address.example}.{there}")
        asks = (self._ask(dump) for dump in self.dumps or ("",))
        every = itertools.chain.from_iterable(LISTINGS[self.request.source](ask) for ask in asks)
        only = self.request.only
        fitting = (one for one in every if not only or any(fnmatch.fnmatchcase(one.path, f"*{o}*") for o in only))
        by_path = {one.path: one for one in itertools.islice(fitting, self.request.limit)}
        self.found = list(by_path.values())
        if not self.found:
            raise SourceError(f"{self.request.source}: the publisher's list has no file that fits.")

    def _ask(self, dump: str) -> Ask:
        languages = self.request.languages or (LLAMA_WIKIPEDIAS if self.request.source == "wikipedia" else ())
        folder, elsewhere = self.request.folder or self.address.folder, bool(self.request.folder)
        return Ask(self.address, dump, languages, folder, elsewhere, self.client, self._keep)

    def _keep(self, path: str, url: str, read: Callable[[bytes], T]) -> T:
        """A list that stays beside the dumps: from the disk where it is there and can be read."""
        final = self.root / path
        if final.exists():
            with contextlib.suppress(SourceError):
                return read(final.read_bytes())
        data = self.client.small(url, lambda data: refuse_pages(path, data[:1024]))
        found = read(data)
        if not self.request.dry_run:
            aside = self.root / path.partition("/")[0] / PARTIAL / final.name
            published = publish(str(aside), data)
            final.parent.mkdir(parents=True, exist_ok=True)
            aside.replace(final)
            fetched = Fetched(path, url, published.bytes, published.sha256, "", "", "", "")
            append_note(self.root / path.partition("/")[0] / NOTE, asdict(fetched))
        return found

    def there(self) -> Iterator[Outcome]:
        """What stands there already. A file has its name only when it is whole, so its size is enough to compare."""
        for one in self.found:
            final = self.root / one.path
            if not final.is_file():
                continue
            size = final.stat().st_size
            if one.size is not None and size != one.size:
                text = f"{final} has {size:,} bytes, the publisher's {one.size:,}. Delete it, and it is fetched anew"
                yield Outcome(one.path, "failed", one.url, size, error=f"{text}.")
            else:
                yield Outcome(one.path, "there", one.url, size)

    def to_do(self) -> list[Wanted]:
        return [one for one in self.found if not (self.root / one.path).exists()]

    def sizes(self, todo: Sequence[Wanted]) -> Iterator[Outcome]:
        """What a dry run says: each file with its size, which is asked for where the list does not say it."""
        asked = {one.path for one in [one for one in todo if one.size is None][:ASKED]}

        def size(one: Wanted) -> Outcome:
            if one.path not in asked:
                return Outcome(one.path, "wanted", one.url, one.size)
            try:
                return Outcome(one.path, "wanted", one.url, self.client.size_of(one.url))
            except Missing as error:
                return self._missing(one, error)
            except SourceError as error:
                return Outcome(one.path, "failed", one.url, error=str(error))

        with ThreadPoolExecutor(self.connections) as pool:
            try:
                yield from pool.map(size, todo)
            except BaseException:
                self.clock.stop.set()
                raise

    def check_room(self, todo: Sequence[Wanted]) -> None:
        """Refuse before anything is asked what cannot have room.

        Raises:
            UsageError: the disk has less than the files need, by the publisher's list or else by what is usual.
        """
        usual = int(self.address.typical_mb * 1e6)
        need = sum(usual if one.size is None else one.size for one in todo) - self._aside()
        about = "" if all(one.size is not None for one in todo) else "about "
        folder = next(path for path in (self.root, *self.root.parents) if path.exists())
        free = shutil.disk_usage(folder).free
        if need > free - RESERVE:
            raise UsageError(
                f"{self.root}: {counted(len(todo), 'file')} need {about}{need / 1e9:,.1f} GB, {free / 1e9:,.1f} GB are "
                "free there. Make room, or take fewer with --limit or --only."
            )

    def _aside(self) -> int:
        return sum(path.stat().st_size for path in (self.root / self.request.source / PARTIAL).rglob("*.part"))

    def run(self, todo: Sequence[Wanted], watcher: Watcher) -> Iterator[Outcome]:
        """Get the files, some at a time, and say of each what became of it, as it does.

        Raises:
            KeyboardInterrupt: as it comes; the threads have stopped by then, or are left to the end of the process.
        """
        waiting: queue.SimpleQueue[Wanted] = queue.SimpleQueue()
        outcomes: queue.SimpleQueue[Outcome | BaseException] = queue.SimpleQueue()
        for one in todo:
            waiting.put(one)

        def work() -> None:
            with contextlib.suppress(queue.Empty):
                while True:
                    one = waiting.get_nowait()
                    try:
                        outcomes.put(self._counted(one, watcher))
                    except BaseException as error:
                        outcomes.put(error)
                        return

        # Daemons: a thread that waits for a server must not hold up a process that was asked to end.
        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(self.connections, len(todo)))]
        for thread in threads:
            thread.start()
        try:
            for _ in todo:
                outcome = _next(outcomes)
                if isinstance(outcome, BaseException):
                    raise outcome
                yield outcome
        finally:
            self.clock.stop.set()
            for thread in threads:
                thread.join(2.0)

    def _counted(self, one: Wanted, watcher: Watcher) -> Outcome:
        """Get one, unless so many failed before it that the publisher is better left alone."""
        if self.in_a_row >= IN_A_ROW:
            return Outcome(one.path, "left", one.url, error="not tried, as others failed before it")
        outcome = self._one(one, watcher)
        with self.lock:
            self.in_a_row = self.in_a_row + 1 if outcome.state == "failed" else 0
        return outcome

    def _one(self, one: Wanted, watcher: Watcher) -> Outcome:
        try:
            got = Download(self.client, one, self.root, watcher).fetch()
        except Missing as error:
            return self._missing(one, error)
        except StoppedError:
            raise
        except (CorpusmillError, OSError) as error:
            if isinstance(error, (Stop, OSError)):
                self.in_a_row = IN_A_ROW
            text = f"{error.filename}: {error.strerror}." if isinstance(error, OSError) else str(error)
            return Outcome(one.path, "failed", one.url, error=text)
        return Outcome(one.path, "fetched", one.url, got.bytes, got.sha256, got.published)

    def _missing(self, one: Wanted, error: Missing) -> Outcome:
        return Outcome(one.path, "absent" if self.address.may_lack else "failed", one.url, error=str(error))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One fetch of a source at a time in a folder; what is left aside stays, empty folders go.

        Raises:
            UsageError: another one is at work.
        """
        aside = self.root / self.request.source / PARTIAL
        aside.mkdir(parents=True, exist_ok=True)
        with _lock(aside / "lock", self.tell):
            try:
                yield
            finally:
                _tidy(aside)


@contextlib.contextmanager
def _lock(path: Path, tell: Callable[[str], None]) -> Iterator[None]:
    while True:
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(f"{path.parent.parent}: another fetch is at work here. Wait for it.") from None
            except OSError as error:
                tell(f"{path.parent.parent}: no locks here ({error.strerror}); see that no other fetch is at work.")
            # Whoever held it before may have deleted it since it was opened: then it locks nobody out.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                yield
                return
        path.parent.mkdir(parents=True, exist_ok=True)


def _next(outcomes: queue.SimpleQueue[Outcome | BaseException]) -> Outcome | BaseException:
    """The next outcome, looked for again and again: a wait without end would not see Ctrl-C."""
    while True:
        with contextlib.suppress(queue.Empty):
            return outcomes.get(timeout=0.2)


def _tidy(aside: Path) -> None:
    """Remove what killed processes left half-written, and, when nothing is left to go on with, all."""
    for path in aside.rglob(f".*{ASIDE}"):
        path.unlink(missing_ok=True)
    if any(path.is_file() and path.name != "lock" for path in aside.rglob("*")):
        return
    (aside / "lock").unlink(missing_ok=True)
    for folder, _, _ in os.walk(aside, topdown=False):
        Path(folder).rmdir()


def checked(request: Request) -> Address:
    """The address of a request that can be served at all.

    Raises:
        UsageError: it cannot, and why, before anything is asked.
    """
    address, elsewhere = address_of(request.source), bool(request.folder)
    for language in request.languages:
        check_language(language)
    if not is_local(request.inputs):
        raise UsageError(
            f"{request.inputs}: --inputs must be a folder of this machine; copy it to your bucket from there."
        )
    if request.folder and not request.folder.startswith(("https://", "http://")):
        raise UsageError(f"--from {request.folder}: expected an address that begins with https:// or http://.")
    try:
        named = "@" in urlsplit(request.folder).netloc
    except ValueError as error:
        raise UsageError(f"--from {request.folder}: {error}.") from error
    if named:
        # The address stands in fetched.jsonl and in messages.
        raise UsageError("--from: expected an address without a name and a password; put these into ~/.netrc.")
    for dump in request.dumps:
        check_dump(request.source, dump, elsewhere)
    if not elsewhere and (request.connections or 0) > address.connections:
        raise UsageError(
            f"{request.source}: the publisher takes at most {counted(address.connections, 'connection')}, got "
            f"--connections {request.connections}; more only of a mirror of yours (--from)."
        )
    if not elsewhere and request.wait is not None and request.wait < address.wait:
        raise UsageError(
            f"{request.source}: the publisher asks to wait {address.wait:g} s, got --wait {request.wait:g}."
        )
    if address.contact and not elsewhere and not request.contact:
        raise UsageError(
            f"{request.source}: its publisher refuses who does not say how to be reached: pass --contact with an "
            "e-mail address or a page of yours. It goes into the User-Agent, and nowhere else."
        )
    if request.contact and not (request.contact.isprintable() and request.contact.isascii()):
        raise UsageError("--contact: expected an e-mail address or a page, in ASCII.")
    if address.all_by and not (elsewhere or request.limit or request.only or request.languages):
        raise UsageError(
            f"{request.source}: {address.all_by.replace('{inputs}', request.inputs)}. Here, take some: --limit 100."
        )
    return address
