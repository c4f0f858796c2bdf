"""C4 from WET files, or as published, to documents: the same as its rules in memory, however the work is cut."""

import dataclasses
import gzip
import itertools
import json
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.filters.c4 import clean_page, drop_shared, normalize_url
from corpusmill.mixtures.recipe import Recipe
from corpusmill.mixtures.sources import C4LanguageRecipe, C4Recipe, Sources
from corpusmill.models.language import LanguageModel
from corpusmill.pipelines import exchange, sorted_keys
from corpusmill.pipelines.answers import open_all_answers
from corpusmill.pipelines.c4 import SOURCE, identify_language, read, slices
from corpusmill.pipelines.dates import seconds_of
from corpusmill.pipelines.exchange import asking_steps, hash_phase, make_exchanges
from corpusmill.pipelines.reading import Work, readings
from corpusmill.pipelines.source import Aids, run_steps
from corpusmill.pipelines.why import fates
from corpusmill.records import Document, Dropped, Reason
from corpusmill.storage import Input, find_inputs, identified
from phases import make, record, write_wet
from running import SHARED, corpusmill, digests, made_once, manifest, run_arguments

REAL = SHARED / "data"
RECIPE = C4Recipe(inputs=("*.wet",), epochs=1, language="skip")
NO_LANGUAGE = ("--set", "sources.c4.language=skip")
SURE = ("--set", "sources.c4.language.threshold=0.8")
WORDS = "One of the old boats came home|Nobody had seen it for a year|The harbour was full of ice|We ate bread and fish"
SENTENCES = [f"{words}." for words in WORDS.split("|")]
LINES = [
    *SENTENCES,
    f"{SENTENCES[0]} {SENTENCES[1]}",
    f"{SENTENCES[1]}  {SENTENCES[2].upper()}",
    " ".join(SENTENCES[:3]),
]
PAGES = st.tuples(st.integers(0, 9), st.lists(st.sampled_from(LINES), min_size=1, max_size=6).map("\n".join))


def dated(number: int, url: str, text: str, date: str = "2019-04-18T00:00:00Z") -> bytes:
    headers = {"WARC-Target-URI": url, "WARC-Date": date}
    return record(f"{number}", text, **headers)


def write(path: Path, pages: Sequence[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(pages))


def results(folder: Path, options: C4Recipe, exchange_mb: float = 128.0) -> list[Document | Dropped]:
    """What the steps make of the pages of a folder, after the phases of both exchanges."""
    recipe = Recipe("test", Sources(c4=options), exchange_mb=exchange_mb)
    plan = readings("c4", identified(find_inputs(str(folder), "*.wet")), recipe)
    out = str(folder / "out")
    sidecars = make_exchanges(lambda phase: make(phase, out), out, SOURCE, Work(plan, {}), recipe)
    found: list[Document | Dropped] = []
    for reading in plan:
        answers = open_all_answers(sidecars[reading.slice.name], lambda path, sha256: f"{out}/{path}")
        steps = SOURCE.steps(options, Aids({}, answers))
        found += run_steps((r for r in reading.records(Counter()) if isinstance(r, Document)), steps)
    return found


@settings(max_examples=60, deadline=None)
@given(
    pages=st.lists(PAGES, max_size=12, unique_by=lambda page: page[0]),
    cuts=st.lists(st.integers(0, 12), max_size=3),
    rule=st.sampled_from(["spans", "lines"]),
    in_memory=st.sampled_from([3, 1 << 20]),
)
def test_the_phases_do_what_the_rule_does(
    pages: list[tuple[int, str]], cuts: list[int], rule: str, in_memory: int
) -> None:
    """For any split into slices, ranges of keys and sorted runs."""
    urls = [f"https://www.{number}.example/?utm_source=x" for number, _ in pages]
    clean = [clean_page(text) for _, text in pages]
    there = [number for number, verdict in enumerate(clean) if verdict.text is not None]
    left = drop_shared([(urls[number], clean[number].text or "") for number in there], rule)
    expected = {f"c4:{normalize_url(urls[number])}": text for number, text in zip(there, left, strict=True)}
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(exchange, "MIB", 16 << 10)  # a range of 0.001 of it holds a key and its owner
        patch.setattr(sorted_keys, "IN_MEMORY", in_memory)
        edges = [0, *sorted(min(cut, len(pages)) for cut in cuts), len(pages)]
        for number, (start, stop) in enumerate(itertools.pairwise(edges)):
            written = [dated(at, urls[at], pages[at][1]) for at in range(start, stop)]
            write(Path(scratch) / f"{number}.wet", written)
        found = results(Path(scratch), dataclasses.replace(RECIPE, duplicates=rule), exchange_mb=0.001)
    kept = {result.id: result.text for result in found if isinstance(result, Document)}
    assert kept == {name: text for name, text in expected.items() if text is not None}
    reasons = {result.id: result.reason for result in found if isinstance(result, Dropped)}
    assert {name for name, reason in reasons.items() if reason == Reason.C4_TOO_FEW_SENTENCES_LEFT} == {
        name for name, text in expected.items() if text is None
    }
    for result in found:
        lines = dict(result.pieces)
        assert lines.pop("in", 0) == sum(lines.values())


def test_of_one_address_the_newest_page_stays_wherever_it_is(tmp_path: Path) -> None:
    text = "\n".join(SENTENCES)
    pages = [
        dated(1, "http://www.a.example/x/", f"{text}\nThis is the version of spring.", "2019-04-18T00:00:00Z"),
        dated(2, "https://a.example/x?utm_source=b", f"{text}\nThis is the version of summer.", "2019-06-18T00:00:00Z"),
        dated(3, "https://a.example/x", f"{text}\nThis is the version without date.", ""),
        dated(4, "http://b.example/", "Nothing here.", "2019-06-18T00:00:00Z"),
        dated(5, "http://b.example", f"{text}\nThis is older than nothing.", "2019-04-18T00:00:00Z"),
    ]
    for seed in range(4):
        folder = tmp_path / f"{seed}"
        random.Random(seed).shuffle(pages)
        write(folder / "a.wet", pages[:2])
        write(folder / "b.wet", pages[2:])
        found = results(folder, RECIPE)
        [kept] = [result for result in found if isinstance(result, Document)]
        assert kept.text.endswith("summer."), "and it keeps its sentences, which others had as well"
        gone = Counter(result.reason for result in found if isinstance(result, Dropped))
        # That the newest page is no good brings no older one back, as in the reference.
        assert gone == {Reason.C4_OTHER_CRAWL: 3, Reason.C4_TOO_FEW_SENTENCES: 1}


def test_of_one_second_the_choice_does_not_depend_on_the_order(tmp_path: Path) -> None:
    pages = [dated(n, "http://a.example/", "\n".join([*SENTENCES, f"It is version {n} now."])) for n in range(4)]
    texts = set()
    for turn in range(4):
        folder = tmp_path / f"{turn}"
        for number, page in enumerate(pages[turn:] + pages[:turn]):
            write(folder / f"{number}.wet", [page])
        texts |= {result.text for result in results(folder, RECIPE) if isinstance(result, Document)}
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"min_sentences": 4}, (False, True)),
        ({"max_chars": 1000}, (True, True)),
        ({"min_words": 4}, (False, True)),
        ({"duplicates": "lines"}, (False, True)),
        ({"badwords": "list.txt"}, (False, False)),
        ({"language": C4LanguageRecipe(threshold=0.9)}, (False, False)),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_decides_keys_is_in_their_fingerprint(change: dict, again: tuple[bool, bool], tmp_path: Path) -> None:
    write_wet(tmp_path / "a.wet", [("a", "One line.\n")])

    def fingerprints(options: C4Recipe) -> list[str]:
        plan = readings("c4", identified(find_inputs(str(tmp_path), "*.wet")), Recipe("test", Sources(c4=options)))
        return [hash_phase(SOURCE, plan, one, {}).items[0].fingerprint for one in asking_steps(SOURCE, options)]

    pairs = zip(fingerprints(RECIPE), fingerprints(dataclasses.replace(RECIPE, **change)), strict=True)
    assert tuple(one != other for one, other in pairs) == again


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-04-18T12:34:56Z", 1555590896),
        ("2019-04-18T12:34:56", 1555590896),
        ("2019-04-18T14:34:56+02:00", 1555590896),
        ("", 0),
        ("yesterday", 0),
        ("9999-12-31T23:59:59Z", 253402300799),
        ("1833-05-01T00:00:00Z", 0),
    ],
)
def test_dates(text: str, expected: int) -> None:
    assert seconds_of(text) == expected


def test_a_page_is_read_as_c4_reads_it(tmp_path: Path) -> None:
    body = "Title\r\n  two  words \n\n\nlast\u2028line\n"
    write(tmp_path / "a.wet", [dated(1, "http://a.example/", body), dated(2, "", "text")])
    [reading] = readings("c4", identified(find_inputs(str(tmp_path), "*.wet")), Recipe("t", Sources(c4=RECIPE)))
    page, lost = reading.records(Counter())
    assert page == Document(
        "c4:a.example",
        "Title\ntwo  words\nlast\nline",
        "c4",
        {"url": "http://a.example/", "timestamp": "2019-04-18T00:00:00Z"},
    )
    assert (lost.error, lost.detail) == ("bad_header", "no address")


def test_absurd_dates_and_empty_pages(tmp_path: Path) -> None:
    dates = ("1833-05-01T00:00:00Z", "9999-12-31T23:59:59Z", "soon")
    pages = []
    for n, date in enumerate(dates):
        text = "\n".join(f"{sentence[:-1]} in the year {n}." for sentence in SENTENCES)
        pages.append(dated(n, f"http://{n}.example/", text, date))
    write(
        tmp_path / "in/c4/crawl-data/CC-MAIN-2019-18/segments/1/wet/a.warc.wet.gz",
        [*pages, dated(9, "http://e.x/", "")],
    )
    arguments = only_c4(tmp_path / "in", tmp_path / "out", "--set", "sources.c4.badwords=", *NO_LANGUAGE)
    corpusmill(*arguments)
    assert pq.read_table(tmp_path / "out/documents/c4").num_rows == 3
    counts = manifest(tmp_path / "out")["sources"]["c4"]
    assert counts["lines.in"] == 4 * 3
    [fate] = fates(str(tmp_path / "out"), "http://e.x/", str(tmp_path / "in"))
    assert (fate.outcome, fate.lines) == (Reason.C4_TOO_FEW_SENTENCES, [])
    corpusmill("check", tmp_path / "out")


def published(path: Path, pages: Sequence[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress("".join(json.dumps(page) + "\n" for page in pages).encode()))


def test_published_pages_stay_as_they_are(tmp_path: Path) -> None:
    pages = [
        {"url": f"http://{n}.example/", "timestamp": "2019-04-25T12:57:54Z", "text": text}
        for n, text in enumerate(["{ } lorem ipsum", " \n two\r\n ", "Kurz.", "a" * 200_000])
    ]
    published(tmp_path / "in/c4/en/c4-train.00000-of-01024.json.gz", pages)
    settings = ("--set", "sources.c4.form=published", "--set", "sources.c4.inputs=[c4/en/*.json.gz]")
    arguments = run_arguments(tmp_path / "in", tmp_path / "out", 1, *settings)
    corpusmill(*arguments[:2], "c4", *arguments[2:])
    rows = pq.read_table(tmp_path / "out/documents/c4").to_pylist()
    assert [row["text"] for row in rows] == [page["text"] for page in pages]
    assert [json.loads(row["meta"]) for row in rows] == [
        {"url": page["url"], "timestamp": page["timestamp"]} for page in pages
    ]


@pytest.mark.parametrize(
    ("name", "form", "advice"),
    [
        ("c4/a.warc.wet.gz", "published", "Set sources.c4.form to wet"),
        ("c4/c4-train.00000-of-01024.json.gz", "wet", "Set sources.c4.form to published"),
        ("c4/a.wet", "wet", None),
        ("c4/noname", "wet", None),
        ("c4/noname", "published", None),
    ],
)
def test_a_file_of_the_other_form_is_refused(name: str, form: str, advice: str | None) -> None:
    options = dataclasses.replace(RECIPE, form=form)
    if advice is None:
        assert len(slices(Input(name, "", 5, ""), options)) == 1
        return
    with pytest.raises(Exception, match=advice):
        slices(Input(name, "", 5, ""), options)


@pytest.mark.parametrize("by", ["fasttext", "langdetect"])
def test_the_score_of_the_language_is_compared_as_it_is(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    least = C4LanguageRecipe(by=by).least_score
    seen = []

    class Model:
        def __init__(self, score: float):
            self.score = score

        def identify(self, text: str) -> tuple[str, float]:
            seen.append(text)
            return "en", self.score

    for score, stays in ((least - 0.001, False), (least, True)):
        model = Model(score)
        monkeypatch.setattr("corpusmill.pipelines.c4.open_language_model", lambda path, model=model: model)
        monkeypatch.setattr("corpusmill.pipelines.c4.langdetect_model", model)
        page = Document("c4:a", "one\ntwo", "c4", {"url": "http://a"})
        result = identify_language(C4LanguageRecipe(by=by), Aids({"language": ""}))(page)
        assert isinstance(result, Document) == stays
    assert set(seen) == {"one two" if by == "fasttext" else "one\ntwo"}


def test_langdetect_says_the_same_each_time(tmp_path: Path) -> None:
    page = Document("c4:a", "These lines are English. Ceci est du français. Das ist Deutsch.", "c4", {"url": ""})
    judge = identify_language(C4LanguageRecipe(by="langdetect", threshold=0.0), Aids())
    scores = {judge(page).meta["language_score"] for _ in range(5)}
    assert len(scores) == 1
    assert identify_language(C4LanguageRecipe(by="langdetect"), Aids())(
        dataclasses.replace(page, text="123")
    ) == Dropped("c4:a", Reason.C4_LANGUAGE_UNSURE, 0.0, "123")


def only_c4(inputs: Path, output: Path, *more: object) -> list[str]:
    arguments = run_arguments(inputs, output, 1, *more)
    return [*arguments[:2], "c4", *arguments[2:]]


@pytest.fixture(scope="session")
def made(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """C4 of the sample, with its word list, and a threshold that some of its languages miss. Do not change it."""
    return made_once(tmp_path_factory, "c4", lambda output: corpusmill(*only_c4(inputs, output, *SURE), expect=4))


def test_every_reason_has_pages(made: Path) -> None:
    counts = manifest(made)["sources"]["c4"]
    dropped = {name.removeprefix("documents.dropped.") for name in counts if name.startswith("documents.dropped.")}
    lines = {name.removeprefix("lines.dropped.") for name in counts if name.startswith("lines.dropped.")}
    ours = {str(reason) for reason in Reason if reason.startswith("c4.")}
    assert dropped | lines == ours
    assert counts["documents.in"] == counts["documents.kept"] + sum(
        n for name, n in counts.items() if name.startswith("documents.dropped.")
    )
    assert counts["lines.in"] == counts["lines.kept"] + sum(
        n for name, n in counts.items() if name.startswith("lines.dropped.")
    )


def test_why_tells_of_each_line(made: Path, inputs: Path) -> None:
    rows = pq.read_table(made / "documents/c4").to_pylist()
    row = max(rows, key=lambda row: len(row["text"]))
    [fate] = fates(str(made), row["id"], str(inputs))
    assert fate.outcome == "kept"
    steps = {line.step for line in fate.lines}
    assert steps == {"keep sentences", "drop what other pages have"}
    judged = [line for line in fate.lines if line.step == "keep sentences"]
    shared = [line for line in fate.lines if line.step == "drop what other pages have"]
    assert [line.reason for line in judged].count(None) == len(shared)
    assert [line.reason for line in shared].count(None) == row["text"].count("\n") + 1


def test_the_size_of_ranges_and_the_number_of_workers_change_no_document(
    inputs: Path, made: Path, tmp_path: Path
) -> None:
    arguments = only_c4(inputs, tmp_path, *SURE, "--set", "exchange_mb=0.01", "--workers", "2")
    corpusmill(*arguments, expect=4)
    assert digests(tmp_path, ["documents", "dropped", "errors"]) == digests(made, ["documents", "dropped", "errors"])


@pytest.mark.skipif(not REAL.exists(), reason="no shared data here")
def test_on_real_pages_the_run_does_what_the_rules_do_in_memory(tmp_path: Path) -> None:
    """Another way to the same documents: all pages in memory, and no exchange."""
    wets = "commoncrawl/crawl-data/CC-MAIN-*/segments/*/wet/*.warc.wet.gz"
    corpusmill(*only_c4(REAL, tmp_path, "--set", f"sources.c4.inputs=[{wets}]", "--set", "sources.c4.badwords="))
    options = C4Recipe(inputs=(wets,), epochs=1)
    newest: dict[str, Document] = {}
    for one in find_inputs(str(REAL), wets):
        for page in read(slices(one, options)[0], options, {}):
            assert isinstance(page, Document)
            before = newest.get(page.id)
            if len(page.text) <= options.max_chars and (
                before is None or before.meta["timestamp"] < page.meta["timestamp"]
            ):
                newest[page.id] = page
    clean = [(page, text) for page in newest.values() if (text := clean_page(page.text).text)]
    left = drop_shared([(page.meta["url"], text) for page, text in clean])
    model = LanguageModel(str(next(REAL.glob("models/lid.*"))))
    expected = {}
    for (page, _), text in zip(clean, left, strict=True):
        if text is not None:
            language, score = model.identify(text.replace("\n", " "))
            if language == "en" and score >= 0.5:
                expected[page.id] = text
    rows = pq.read_table(tmp_path / "documents/c4").to_pylist()
    assert {row["id"]: row["text"] for row in rows} == expected
    assert len(rows) > 1000
