"""Wikipedia from XML and CirrusSearch dumps to documents."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusmill.formats.mediawiki import Page, SiteInfo, read_pages, read_siteinfo
from corpusmill.mixtures.sources import LLAMA_WIKIPEDIAS, WikipediaRecipe
from corpusmill.pipelines.wikipedia import SOURCE, cited_by, lead_of, read
from corpusmill.records import Damage, Document, Reason
from corpusmill.samples import cirrus, serbian
from corpusmill.storage import Input
from running import SHARED, corpusmill, digests, manifest

REAL = SHARED / "data/wikipedia"
KINDS = ("--set", "sources.wikipedia.disambiguations=drop", "--set", "sources.wikipedia.lists=drop")


def run(inputs: Path, output: Path, *more: object, expect: int = 0) -> str:
    """A run over the whole folder, with all heads of what is dropped."""
    settings = ("--set", "sources.wikipedia.inputs=[wikipedia/]", "--set", "dropped_heads=1", *more)
    done = corpusmill("run", "sample", "wikipedia", "--inputs", inputs, "--output", output, *settings, expect=expect)
    return done.stdout + done.stderr


def documents(output: Path) -> dict[str, dict]:
    found = pq.read_table(output / "documents/wikipedia").to_pylist()
    return {row["id"]: {**row, **json.loads(row["meta"])} for row in found}


def dropped(output: Path) -> dict[str, dict]:
    return {row["id"]: row for row in pq.read_table(output / "dropped/wikipedia").to_pylist()}


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Serbian dump and the whole CirrusSearch dump of the sample."""
    folder = tmp_path_factory.mktemp("dumps")
    serbian.write(folder, 0, 1)
    for path in cirrus.write(folder, 0, 0.3):
        if path.name == cirrus.DAMAGED:
            path.unlink()
    return folder


@pytest.fixture(scope="module")
def made(dumps: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents of these, by default. Do not change it."""
    output = tmp_path_factory.mktemp("made") / "out"
    run(dumps, output)
    return output


def as_cirrus(dump: Path, target: Path, *, with_source: bool = True) -> None:
    """What a search index says of the pages of an XML dump; its text and links are not those of the wikitext."""
    with dump.open("rb") as file, gzip.open(target, "wt", encoding="utf-8") as out:
        info = read_siteinfo(file)
        assert isinstance(info, SiteInfo)
        for page in read_pages(file):
            if not isinstance(page, Page) or page.redirect is not None:
                continue
            fields = {
                "title": page.title,
                "namespace": page.namespace,
                "version": page.revision,
                "timestamp": page.timestamp,
                "wiki": info.dbname,
                "language": info.language,
                "text": f" Text of {page.title}. ",
                "opening_text": "Opening.",
                "template": ["Шаблон:Disambig"],
                "external_link": ["http://a.example/"],
            }
            if with_source:
                fields["source_text"] = page.text
            out.write(f"{json.dumps({'index': {'_id': str(page.id)}})}\n{json.dumps(fields)}\n")


def test_both_forms_are_found_in_a_folder(made: Path) -> None:
    languages = Counter(row["language"] for row in documents(made).values())
    assert languages["sr"] == 36 and languages["es"] > 10
    counts = manifest(made)["sources"]["wikipedia"]
    assert counts["documents.kept"] == sum(languages.values())
    assert counts["documents.dropped.wikipedia.redirect"] == 4


def test_serbian_stays_in_its_script(made: Path) -> None:
    rows = [row for row in documents(made).values() if row["language"] == "sr"]
    assert Counter(row["script"] for row in rows) == {"Cyrl": 20, "Latn": 16}
    for row in rows:
        assert "-{" not in row["text"] and "sr-ec" not in row["text"]
        if "Drvo" in row["text"]:
            own, other = ("вунара", "vunara") if row["script"] == "Cyrl" else ("vunara", "вунара")
            assert own in row["text"] and other not in row["text"] and " Drvo & Vuna" in row["text"]
    assert all("script" not in row for row in documents(made).values() if row["language"] != "sr")


def test_kinds_go_by_switches(dumps: Path, made: Path, tmp_path: Path) -> None:
    run(dumps, tmp_path / "out", *KINDS)
    gone = dropped(tmp_path / "out")
    reasons = Counter(row["reason"] for row in gone.values())
    assert reasons == {Reason.WIKIPEDIA_REDIRECT: 4, Reason.WIKIPEDIA_DISAMBIGUATION: 4, Reason.WIKIPEDIA_LIST: 4}
    kept = documents(tmp_path / "out")
    everything = documents(made)
    assert kept == {name: row for name, row in everything.items() if name not in gone}
    for name, row in gone.items():
        title = everything[name]["title"] if name in everything else ""
        of_its_kind = {
            Reason.WIKIPEDIA_REDIRECT: row["head"].startswith("#"),
            Reason.WIKIPEDIA_DISAMBIGUATION: title.endswith(("одредница)", "odrednica)")),
            Reason.WIKIPEDIA_LIST: title.startswith(("Списак", "Spisak")),
        }
        assert of_its_kind[row["reason"]]
    one = next(name for name, row in gone.items() if row["reason"] == Reason.WIKIPEDIA_LIST)
    said = corpusmill("why", tmp_path / "out", one, "--inputs", dumps).stdout
    assert "drop lists" in said and Reason.WIKIPEDIA_LIST in said


def test_two_workers_give_the_same_bytes(dumps: Path, made: Path, tmp_path: Path) -> None:
    run(dumps, tmp_path / "out", "--workers", 2)
    assert digests(tmp_path / "out") == digests(made)


def test_the_switches_are_described() -> None:
    said = corpusmill("describe", "wikipedia").stdout
    assert "drop redirects" in said and "drop lists" not in said
    steps = [step.name for step in SOURCE.steps(recipe(disambiguations="drop", lists="drop"), None)]
    assert steps[3:5] == ["drop disambiguations", "drop lists"]


# --- the same pages in both forms -------------------------------------------------------------------------------------


def recipe(**options: object) -> WikipediaRecipe:
    return WikipediaRecipe(inputs=("wikipedia/",), **options)


def records(path: Path, **options: object) -> list[Document]:
    options_ = recipe(**options)
    [piece] = SOURCE.slices(Input(f"wikipedia/{path.name}", str(path), path.stat().st_size, ""), options_)
    return [record for record in read(piece, options_, {}) if isinstance(record, Document)]


@pytest.fixture
def forms(dumps: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The Serbian dump, and what a search index says of its pages."""
    xml, other = dumps / "wikipedia" / serbian.DUMP, tmp_path / "srwiki-20220620-cirrussearch-content.json.gz"
    as_cirrus(xml, other)
    return xml, other


def test_the_same_pages_make_the_same_documents(forms: tuple[Path, Path], tmp_path: Path) -> None:
    for number, path in enumerate(forms):
        folder = tmp_path / f"in{number}/wikipedia"
        folder.mkdir(parents=True)
        (folder / path.name).symlink_to(path)
        run(folder.parent, tmp_path / f"out{number}")
    assert documents(tmp_path / "out0") == documents(tmp_path / "out1")
    both = tmp_path / "in0/wikipedia" / forms[1].name
    both.symlink_to(forms[1])
    run(tmp_path / "in0", tmp_path / "out2")
    assert documents(tmp_path / "out2") == documents(tmp_path / "out0")
    counts = manifest(tmp_path / "out2")["sources"]["wikipedia"]
    assert counts["documents.dropped.common.duplicate_id"] == counts["documents.kept"] == 36


def test_leads_and_citations_of_both_forms_agree(forms: tuple[Path, Path]) -> None:
    xml, other = (records(path) for path in forms)
    xml = [one for one in xml if one.meta["redirect"] is None]
    assert [one.id for one in xml] == [one.id for one in other]
    assert [lead_of(one) for one in xml] == [lead_of(one) for one in other]
    assert [list(cited_by(one)) for one in xml] == [list(cited_by(one)) for one in other]


def test_plain_text_by_switch_or_where_there_is_no_other(forms: tuple[Path, Path], tmp_path: Path) -> None:
    without = tmp_path / forms[1].name.replace("0620", "0627")
    as_cirrus(forms[0], without, with_source=False)
    for found in (records(forms[1], cirrus_text="plain"), records(without), records(without, cirrus_text="plain")):
        assert {one.text for one in found} == {f" Text of {one.meta['title']}. " for one in found}
        assert {lead_of(one) for one in found} == {"Opening."}
        assert [list(cited_by(one)) for one in found] == [["http://a.example/"]] * len(found)
    one = records(without)[0]
    steps = {step.name: step for step in SOURCE.steps(recipe(disambiguations="drop", lists="drop"), None)}
    assert steps["markup to text"].function([one])[0].text == one.text.strip()
    assert steps["drop disambiguations"].function([one])[0].reason == Reason.WIKIPEDIA_DISAMBIGUATION
    assert steps["drop lists"].function([one]) == [one]


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        pytest.param({"wiki": "zh_yuewiki", "language": "yue"}, "enwiki-1.json", "wikipedia:zh-yue/12", id="wiki"),
        pytest.param({"wiki": "enwiktionary", "language": "en"}, "a.json", "wikipedia:enwiktionary/12", id="project"),
        pytest.param({"language": "yue"}, "enwiki-1.json", "wikipedia:en/12", id="name-of-the-file"),
        pytest.param({}, "enwiki_content-1-00000.json", "wikipedia:en/12", id="newer-name"),
        pytest.param({"language": "sr"}, "a.json", "wikipedia:sr/12", id="its-own-language"),
        pytest.param({}, "a.json", "wikipedia:und/12", id="unknown"),
    ],
)
def test_the_wiki_of_a_document(fields: dict[str, str], name: str, expected: str, tmp_path: Path) -> None:
    page = {"title": "A", "namespace": 0, "version": 7, "text": "One.", **fields}
    (tmp_path / name).write_text(f"{json.dumps({'index': {'_id': 12}})}\n{json.dumps(page)}\n")
    assert [one.id for one in records(tmp_path / name)] == [expected]


# --- real dumps -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not REAL.exists(), reason="no real dumps here")
def test_a_dump_in_utf_16_is_refused_with_its_reason(tmp_path: Path) -> None:
    folder = tmp_path / "in/wikipedia"
    folder.mkdir(parents=True)
    for name in ("edge-utf16-bgwiki-pages-articles.xml.bz2", "bgwiki-minidump-pages-articles.xml.bz2"):
        (folder / name).symlink_to(REAL / name)
    run(tmp_path / "in", tmp_path / "out", expect=4)
    [error] = pq.read_table(tmp_path / "out/errors/wikipedia").to_pylist()
    assert (error["offset"], error["error"]) == (0, "not_utf8")
    assert "UTF-16; convert the file to UTF-8" in error["detail"]
    assert manifest(tmp_path / "out")["sources"]["wikipedia"]["documents.kept"] == 1


@pytest.mark.skipif(not REAL.exists(), reason="no real dumps here")
@pytest.mark.parametrize("name", ["srwiki-minidump-pages-articles", "frwiki-minidump-pages-articles"])
def test_real_pages_are_the_same_in_both_forms(name: str, tmp_path: Path) -> None:
    other = tmp_path / f"{name[:6]}-cirrussearch-content.json.gz"
    as_cirrus(REAL / f"{name}.xml.bz2", other)
    steps = SOURCE.steps(recipe(), None)
    texts = []
    for found in (records(REAL / f"{name}.xml.bz2"), records(other)):
        found = [one for one in found if one.meta["namespace"] == 0]
        texts.append(
            [(one.id, one.text) for one in next(s for s in steps if s.name == "markup to text").function(found)]
        )
    assert texts[0] == texts[1] and texts[0]


@pytest.mark.parametrize(
    ("languages", "inputs", "named"),
    [
        pytest.param(("en", "xx"), ["w/enwiki-1.xml.bz2"], ["xx"], id="one-is-not-there"),
        pytest.param(("en", "zh-yue"), ["enwiki-1.xml", "zh_yuewiki_content-1.json"], [], id="all-are-there"),
        pytest.param(("en", "xx"), ["enwiki-1.xml", "mine.xml"], [], id="a-name-that-does-not-say"),
        pytest.param(LLAMA_WIKIPEDIAS, ["enwiki-1.xml"], [], id="nobody-named-them"),
    ],
)
def test_a_language_without_a_dump(languages: tuple[str, ...], inputs: list[str], named: list[str]) -> None:
    notes = SOURCE.odd(WikipediaRecipe(inputs=("*",), languages=languages), {}, inputs)
    assert [f"languages: no input is a dump of {', '.join(named)}." in note for note in notes] == [True] * bool(named)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("dewiki-1.xml", ["misnamed"], id="of-another"),
        pytest.param("enwiki-1.xml", [], id="right"),
        pytest.param("mine.xml", [], id="says-nothing"),
    ],
)
def test_the_head_of_a_dump_counts_more_than_its_name(name: str, words: list[str], tmp_path: Path) -> None:
    page = "<page><title>A</title><ns>0</ns><id>7</id><revision><id>1</id><text>B</text></revision></page>"
    head = "<mediawiki><siteinfo><dbname>enwiki</dbname></siteinfo>"
    (tmp_path / name).write_text(f"{head}{page}</mediawiki>", encoding="utf-8")
    recipe = WikipediaRecipe(inputs=("*",))
    file = tmp_path / name
    (piece,) = SOURCE.slices(Input(name, str(file), file.stat().st_size, ""), recipe)
    found = list(read(piece, recipe, {}))
    assert [one.error for one in found if isinstance(one, Damage)] == words
    assert [one.id for one in found if isinstance(one, Document)] == ["wikipedia:en/7"]
