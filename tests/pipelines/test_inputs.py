"""Inputs by glob, folder and list of paths; models; what a resumed run takes."""

import gzip
import re
from pathlib import Path

import pytest

from corpusmill.errors import SourceError, UsageError
from corpusmill.mixtures.recipe import Recipe, load
from corpusmill.mixtures.sources import BooksRecipe, CommonCrawlRecipe, LanguageRecipe, OwnRecipe, Sources
from corpusmill.pipelines.build import odd_inputs, plan_work
from corpusmill.pipelines.finding import find, find_files
from corpusmill.pipelines.inputs import Given, choose, freeze
from corpusmill.pipelines.reading import Work, readings
from phases import write_wet

FILES = [f"crawl-data/CC-MAIN-2019-09/segments/1550.{number}/wet/CC-MAIN-{number}.warc.wet.gz" for number in (0, 1)]


def recipe_of(*inputs: str, root: str = "", model: str = "models/lid.*") -> Recipe:
    source = CommonCrawlRecipe(
        inputs=inputs, root=root, epochs=1, language=LanguageRecipe(model=model), perplexity="skip", cited="skip"
    )
    return Recipe("test", Sources(commoncrawl=source))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        write_wet(tmp_path / "in/commoncrawl" / name, [("a", "title\ntext\n")])
    paths = tmp_path / "in/commoncrawl/crawl-data/CC-MAIN-2019-09/wet.paths.gz"
    paths.write_bytes(gzip.compress("".join(f"{name}\n" for name in FILES).encode()))
    (tmp_path / "in/models").mkdir()
    (tmp_path / "in/models/lid.toy.bin").write_bytes(b"model")
    return tmp_path / "in"


def names(recipe: Recipe, folder: Path) -> list[str]:
    return [one.name for one in find(recipe, ["commoncrawl"], str(folder))["commoncrawl"].files]


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("commoncrawl/crawl-data/CC-MAIN-*/segments/*/wet/*.warc.wet.gz", id="glob"),
        pytest.param("commoncrawl/crawl-data/CC-MAIN-2019-09/", id="folder"),
        pytest.param("commoncrawl/crawl-data/CC-MAIN-*/wet.paths.gz", id="list"),
    ],
)
def test_the_same_files_by_glob_folder_and_list(pattern: str, folder: Path) -> None:
    assert names(recipe_of(pattern), folder) == [f"commoncrawl/{name}" for name in FILES]


def test_what_is_advised_where_a_glob_fits_nothing_can_be_done(tmp_path: Path) -> None:
    books = BooksRecipe(inputs=("books/books3/", "books/{gutenberg,collection}/"))
    with pytest.raises(SourceError) as caught:
        find_files("books", books, str(tmp_path))
    settings = [quoted or plain for quoted, plain in re.findall(r"--set (?:'([^']*)'|(\S+)) leaves", str(caught.value))]
    assert load("sample", [settings[0]]).active["books"].inputs == ("books/{gutenberg,collection}/",)
    assert "books" not in load("sample", [settings[1]]).active
    with pytest.raises(
        SourceError, match=r"--set 'sources\.own\.forum\.inputs=.* --set sources\.own\.forum=null leaves"
    ):
        find_files("forum", OwnRecipe(code="forum", inputs=("forum/*",)), str(tmp_path))


def test_a_file_named_twice_is_taken_once(folder: Path) -> None:
    everything = ("commoncrawl/crawl-data/CC-MAIN-2019-09/", "commoncrawl/crawl-data/CC-MAIN-*/wet.paths.gz")
    assert len(names(recipe_of(*everything), folder)) == 2


def test_a_list_may_name_files_elsewhere(folder: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    (folder / "commoncrawl/crawl-data/CC-MAIN-2019-09/segments").rename(tmp_path / "segments")
    (mirror / "crawl-data/CC-MAIN-2019-09").mkdir(parents=True)
    (tmp_path / "segments").rename(mirror / "crawl-data/CC-MAIN-2019-09/segments")
    here = recipe_of("commoncrawl/crawl-data/CC-MAIN-*/wet.paths.gz")
    with pytest.raises(
        SourceError, match=r"2 files of its 2 not there, the first crawl-data.*sources\.commoncrawl\.root"
    ):
        names(here, folder)
    there = recipe_of("commoncrawl/crawl-data/CC-MAIN-*/wet.paths.gz", root=str(mirror))
    assert names(there, folder) == [f"commoncrawl/{name}" for name in FILES]


def test_a_list_that_is_cut_off_is_refused(folder: Path) -> None:
    paths = folder / "commoncrawl/crawl-data/CC-MAIN-2019-09/wet.paths.gz"
    paths.write_bytes(paths.read_bytes()[:-9])
    with pytest.raises(SourceError, match="not a list of paths"):
        names(recipe_of("commoncrawl/crawl-data/CC-MAIN-*/wet.paths.gz"), folder)


def test_a_model_that_is_not_there_is_a_line_that_says_how_to_get_it(folder: Path) -> None:
    for model in ("models/lid.176.bin", str(folder / "lid.176.bin"), f"file://{folder}/lid.176.bin"):
        with pytest.raises(UsageError, match=r"nothing at .*lid\.176\.bin.*CC BY-SA 3\.0.*corpusmill fetch models"):
            names(recipe_of("commoncrawl/", model=model), folder)


def test_of_several_models_none_is_guessed(folder: Path) -> None:
    (folder / "models/lid.176.ftz").write_bytes(b"other")
    with pytest.raises(UsageError, match=r"2 files fit .*models/lid\.176\.ftz, models/lid\.toy\.bin"):
        names(recipe_of("commoncrawl/"), folder)


def test_another_model_is_another_run(folder: Path, tmp_path: Path) -> None:
    recipe, output = recipe_of("commoncrawl/"), str(tmp_path / "out")
    found = find(recipe, ["commoncrawl"], str(folder))
    freeze(output, found)
    assert choose(output, found, redo=False) == (found, [])
    (folder / "models/lid.toy.bin").write_bytes(b"other")
    found = find(recipe, ["commoncrawl"], str(folder))
    with pytest.raises(UsageError, match="the model of the language has changed"):
        choose(output, found, redo=False)
    assert choose(output, found, redo=True) == (found, [])


def test_a_list_may_hold_whole_paths_and_spaces(folder: Path, tmp_path: Path) -> None:
    write_wet(tmp_path / "far away/one.wet", [("a", "title\ntext\n")])
    paths = folder / "commoncrawl/own.paths"
    paths.write_text(f"{tmp_path}/far away/one.wet\n\nfile://{folder}/commoncrawl/{FILES[0]}\n")
    found = find(recipe_of("commoncrawl/own.paths"), ["commoncrawl"], str(folder))["commoncrawl"].files
    assert sorted(one.url for one in found) == [
        f"{tmp_path}/far away/one.wet",
        f"file://{folder}/commoncrawl/{FILES[0]}",
    ]


def test_two_files_of_one_name_are_refused(folder: Path, tmp_path: Path) -> None:
    for name in ("x", "y"):
        write_wet(folder / f"commoncrawl/{name}/data/one.wet", [("a", "title\ntext\n")])
        (folder / f"commoncrawl/{name}/own.paths").write_text("data/one.wet\n")
    with pytest.raises(SourceError, match=r"would both be called commoncrawl/data/one\.wet"):
        names(recipe_of("commoncrawl/*/own.paths"), folder)


def test_a_root_is_relative_to_the_inputs(folder: Path) -> None:
    (folder / "commoncrawl/crawl-data/CC-MAIN-2019-09/segments").rename(folder / "segments")
    (folder / "disk/crawl-data/CC-MAIN-2019-09").mkdir(parents=True)
    (folder / "segments").rename(folder / "disk/crawl-data/CC-MAIN-2019-09/segments")
    there = recipe_of("commoncrawl/crawl-data/CC-MAIN-*/wet.paths.gz", root="disk")
    assert names(there, folder) == [f"commoncrawl/{name}" for name in FILES]


def test_a_folder_without_its_slash_says_so(folder: Path) -> None:
    with pytest.raises(SourceError, match="end the pattern with a slash"):
        names(recipe_of("commoncrawl/crawl-data"), folder)


def test_what_is_most_likely_not_meant_is_said(folder: Path) -> None:
    recipe = recipe_of("commoncrawl/")
    work = plan_work(
        recipe, {"commoncrawl": Given(find(recipe, ["commoncrawl"], str(folder))["commoncrawl"].files[:0])}
    )
    assert odd_inputs(recipe, work) == []
    files = find(recipe, ["commoncrawl"], str(folder))["commoncrawl"].files
    work = {"commoncrawl": Work(readings("commoncrawl", files, recipe), {})}
    again, alone = odd_inputs(recipe, work)
    assert "CC-MAIN-1.warc.wet.gz looks the same as" in again
    assert "2 groups of one file" in alone


def test_an_input_called_as_a_part_of_another_is_refused(folder: Path) -> None:
    for name in ("a", "a-part0001"):
        write_wet(folder / f"commoncrawl/{name}.warc.wet", [("a", "title\ntext\n")])
    recipe = recipe_of("commoncrawl/*.wet")
    files = find(recipe, ["commoncrawl"], str(folder))["commoncrawl"].files
    with pytest.raises(UsageError, match=r"a-part0001.* would have one name"):
        plan_work(recipe, {"commoncrawl": Given(files)})
