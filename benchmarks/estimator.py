"""The n-gram estimator: what it takes, that memory does not follow the text, and how it stands beside lmplz.

    python -m corpusmill.benchmarks.estimator [FOLDER_OF_TEXT]

Models of order 5 of generated texts over one vocabulary, the second text four times as long as the first, with
16 MB for arrays; then, given a folder, of its files `*.txt`, a sentence a line, with 2000 MB. Each in a process of its
own. Where `lmplz` is on the path it runs on the same text: its n-grams must be ours, and its scores nearly.

The exit code is 1 when a floor is missed.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from ..models.kneser_ney import estimate
from .pipeline import child

ORDER = 5
WORDS = 20_000
SENTENCES = 40_000  # of the shorter generated text
WORDS_A_SENTENCE = 25
MEMORY_MB, MEMORY_MB_OF_FOLDER = 16, 2000
MAX_GROWTH = 0.15
MAX_MEAN_DIFFERENCE = 1e-6
COMPARED = 16  # one n-gram in so many


def write_generated(path: Path, times: int) -> Path:
    """A text in which words follow their rank by Zipf's law, and each word its forerunner in a few ways."""
    rng = random.Random(0)
    words = [f"word{number}" for number in range(WORDS)]
    weights = [1 / rank for rank in range(1, WORDS + 1)]
    with path.open("w") as file:
        file.writelines(f"{word}\n" for word in words)  # the same vocabulary, however long the text
        for _ in range(times * SENTENCES):
            line = rng.choices(words, weights, k=WORDS_A_SENTENCE)
            line[1::2] = [words[(3 * int(word[4:]) + rng.randrange(9)) % WORDS] for word in line[::2][:-1]]
            file.write(" ".join(line) + "\n")
    return path


def estimate_alone(text: str, folder: str, memory_mb: str) -> None:
    """Make a model of a file in this process, and say in `said.json` how large it is and its temporary files were."""
    scratch, done, n_bytes = Path(folder, "scratch"), threading.Event(), [0]
    scratch.mkdir()

    def watch() -> None:
        while not done.wait(0.05):
            sizes = [path.stat().st_size for path in scratch.rglob("*") if path.exists()]
            n_bytes.append(sum(sizes))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    with Path(text).open("rb") as sentences, Path(folder, "model.arpa").open("wb") as arpa:
        estimated = estimate(sentences, arpa, scratch, order=ORDER, prune=[0], memory_mb=int(memory_mb))
    done.set()
    said = {"tokens": estimated.tokens, "ngrams": estimated.ngrams, "scratch": max(n_bytes)}
    Path(folder, "said.json").write_text(json.dumps(said))


def measure(text: Path, folder: Path, memory_mb: int) -> tuple[float, bool]:
    """Print what a model of a text takes: MiB of its peak, and whether lmplz agrees (true without it)."""
    folder.mkdir()
    seconds, peak = child("corpusmill.benchmarks.estimator", "--alone", str(text), str(folder), str(memory_mb))
    said, arpa = json.loads((folder / "said.json").read_text()), folder / "model.arpa"
    n_tokens, n_ngrams = said["tokens"], said["ngrams"]
    print(f"{n_tokens:,} tokens, {n_ngrams[0]:,} words, {sum(n_ngrams):,} n-grams: {seconds:.1f} CPU s,", end=" ")
    print(f"peak {peak:,.0f} MiB with {memory_mb:,} for arrays,", end=" ")
    print(f"{said['scratch'] / n_tokens:.0f} bytes of scratch a token,", end=" ")
    print(f"ARPA {arpa.stat().st_size / 1e6:,.0f} MB", flush=True)
    agrees = shutil.which("lmplz") is None or agrees_with_lmplz(text, folder, memory_mb)
    shutil.rmtree(folder)
    return peak, agrees


def agrees_with_lmplz(text: Path, folder: Path, memory_mb: int) -> bool:
    """Run lmplz on the same text, print what it took and how far its scores are from ours."""
    theirs = folder / "lmplz.arpa"
    command = ["lmplz", "-o", str(ORDER), "--discount_fallback", "--skip_symbols", "-S", f"{max(memory_mb, 100)}M"]
    command += ["-T", str(folder), "--text", str(text), "--arpa", str(theirs)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    usage = next((line for line in reversed(done.stderr.splitlines()) if "RSSMax" in line), "").replace("\t", " ")
    print(f"lmplz: {usage}", flush=True)
    # Apart, since the peak of a process is counted from that of the process that starts it.
    comparing = [sys.executable, "-m", "corpusmill.benchmarks.estimator", "--compare", str(folder / "model.arpa")]
    return subprocess.run([*comparing, str(theirs)]).returncode == 0


def compare(own: str, theirs: str) -> bool:
    """Print how two models differ; false where it is more than rounding."""
    ours, other = (dict(scores(Path(path))) for path in (own, theirs))
    same = ours.keys() == other.keys() and header(Path(own)) == header(Path(theirs))
    differences = [abs(a - b) for key in ours.keys() & other.keys() for a, b in zip(ours[key], other[key], strict=True)]
    mean = sum(differences) / max(1, len(differences))
    print(f"n-grams {'the same' if same else 'DIFFER'}, log10 differs by {mean:.1e}, at most {max(differences):.1e}")
    return same and mean <= MAX_MEAN_DIFFERENCE


def header(path: Path) -> list[bytes]:
    """What a model says of its size."""
    with path.open("rb") as file:
        return [line for line in islice(file, ORDER + 2) if line.startswith(b"ngram ")]


def scores(path: Path) -> Iterator[tuple[bytes, tuple[float, ...]]]:
    """One in so many of a model's n-grams, the same of each model: log10 of its probability and backoff weight."""
    with path.open("rb") as file:
        for line in file:
            probability, tab, rest = line.rstrip(b"\n").partition(b"\t")
            words, _, backoff = rest.partition(b"\t")
            if tab and not zlib.crc32(words) % COMPARED:
                yield words, (float(probability), float(backoff or 0))


def main(given: str | None) -> bool:
    """Measure all; false when a floor is missed."""
    with tempfile.TemporaryDirectory() as name:
        scratch, peaks, all_agree = Path(name), [], True
        for times in (1, 4):
            text = write_generated(scratch / f"{times}.txt", times)
            peak, agrees = measure(text, scratch / f"of-{times}", MEMORY_MB)
            peaks.append(peak)
            all_agree &= agrees
        growth = peaks[1] / peaks[0] - 1
        print(f"four times the text takes {100 * growth:+.1f} % memory; at most {100 * MAX_GROWTH:.0f} %", flush=True)
        if given is not None:
            text = scratch / "given.txt"
            with text.open("wb") as file:
                file.writelines(chain.from_iterable(path.open("rb") for path in sorted(Path(given).rglob("*.txt"))))
            all_agree &= measure(text, scratch / "of-given", MEMORY_MB_OF_FOLDER)[1]
        return growth <= MAX_GROWTH and all_agree


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        estimate_alone(*sys.argv[2:])
    elif sys.argv[1:2] == ["--compare"]:
        sys.exit(0 if compare(*sys.argv[2:]) else 1)
    else:
        sys.exit(0 if main(next(iter(sys.argv[1:]), None)) else 1)
