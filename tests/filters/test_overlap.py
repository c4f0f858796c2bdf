"""Books in other books: content against a plain loop, pairs against brute force, decisions against their definition."""

import csv
import itertools
import unicodedata

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from corpusmill.filters import overlap, overlap_content, overlap_samples
from corpusmill.filters.gutenberg import strip_boilerplate
from corpusmill.filters.overlap import (
    Book,
    EnsembleIndex,
    SampleIndex,
    containment,
    containment_of,
    content_hashes,
    decide,
    drop_covered,
    find_pairs,
    records,
    sample,
    signature,
    verify,
)
from running import SHARED

BOOKS = SHARED / "data" / "books"
WAYS = ("sampled", "ensemble", "both")


# --- content ----------------------------------------------------------------------------------------------------------


def words_of(text):
    """The words, a character at a time."""
    words, word = [], ""
    for char in unicodedata.normalize("NFC", text):
        if char.isalnum() or unicodedata.category(char) in ("Mn", "Mc", "Me"):
            word += "σ" if char == "ς" else char.lower()[0]
        elif word:
            words, word = [*words, word], ""
    return [*words, word] if word else words


def grams_of(text, n=5):
    words = words_of(text)
    n = min(n, len(words))
    return {tuple(words[at : at + n]) for at in range(len(words) - n + 1)} if words else set()


def mixed(value):
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        value = (value ^ (value >> shift)) * factor % 2**64
    return value ^ (value >> 31)


def hash_of(gram):
    """The hash of one run of words, as the module says it."""
    of_words = (
        sum(mixed(ord(char) + 0x9E3779B97F4A7C15) * 0x9E3779B97F4A7C15**place for place, char in enumerate(word, 1))
        for word in gram
    )
    # A word's first character has the power that follows the separator: what all have in common is taken out.
    return mixed(sum(mixed(value % 2**64) * 0xD1342543DE82EF95**place for place, value in enumerate(of_words)) % 2**64)


TEXT = st.text(
    st.one_of(
        st.sampled_from("aAbB1_ \n'’-Éé\u0301ςΣİıßǅ½中文\u0915\u093f\U0001d400\ud800\u2028\x85"),
        st.characters(),
    ),
    max_size=60,
)


@settings(deadline=None)  # the first one makes the tables
@given(TEXT, st.integers(1, 6))
def test_content_is_what_a_plain_loop_finds(text, n):
    assert content_hashes(text, n).tolist() == sorted(map(hash_of, grams_of(text, n)))


@settings(deadline=None)
@given(TEXT)
def test_pieces_change_nothing(text):
    with pytest.MonkeyPatch.context() as patch:
        whole = content_hashes(text)
        patch.setattr(overlap_content, "PIECE_CHARS", 3)
        assert content_hashes(text).tolist() == whole.tolist()


def test_a_run_without_white_space_is_cut_but_read_to_its_end(monkeypatch):
    monkeypatch.setattr(overlap_content, "PIECE_CHARS", 4)
    monkeypatch.setattr(overlap_content, "LONGEST_PIECE", 8)
    assert len(content_hashes("a-b-c-d-e-f-g-h-i-j-k-l")) == 8


@pytest.mark.parametrize(
    ("a", "b", "share"),
    [
        pytest.param("One, two; three: (four) five!", "one two three four five", 1.0, id="case-and-punctuation"),
        pytest.param("_one_ two--three four five", "one two three\nfour — five", 1.0, id="typesetting"),
        pytest.param("un cafe\u0301 au lait ici", "un café au lait ici", 1.0, id="composed-or-not"),
        pytest.param("ΟΔΟΣ a b c d", "οδος a b c d", 1.0, id="final-sigma"),
        pytest.param("don't do it now", "don’t do it now", 1.0, id="apostrophes"),
        pytest.param("un cafe au lait ici", "un café au lait ici", 0.0, id="accents-count"),
        pytest.param("in 1984 he was born", "in 1985 he was born", 0.0, id="digits-count"),
        pytest.param("a b c d e", "b a c d e", 0.0, id="order-counts"),
        pytest.param("a b c d e f g h", "a b c d e. Then: e f g h", 0.25, id="runs-cross-sentences"),
        pytest.param("a b c d e a b c d e", "a b c d e", 0.2, id="a-repeated-run-counts-once"),
        pytest.param("ab c d e f", "a bc d e f", 0.0, id="where-words-end-counts"),
        pytest.param("two words", "two words", 1.0, id="short"),
        pytest.param("two words", "two words and three more", 0.0, id="short-is-one-run"),
        pytest.param("", "a b c d e", 0.0, id="empty"),
        pytest.param("…", "…", 0.0, id="no-word"),
        pytest.param("a b c d e", "", 0.0, id="in-nothing"),
    ],
)
def test_containment(a, b, share):
    assert containment(a, b) == share


FEW_WORDS = st.lists(st.sampled_from("abc"), max_size=40).map(" ".join)


@given(FEW_WORDS, FEW_WORDS)
def test_containment_is_a_share_of_distinct_runs(a, b):
    own, others = grams_of(a), grams_of(b)
    assert containment(a, b) == (len(own & others) / len(own) if own else 0.0)


# --- planted overlaps -------------------------------------------------------------------------------------------------


class Planter:
    """Makes pairs of books of which an exact share of the first stands in the second. No word comes twice."""

    def __init__(self):
        self.words = (f"w{number}" for number in itertools.count())

    def fresh(self, number):
        return list(itertools.islice(self.words, number))

    def quoted(self, n_runs, n_shared, n_others):
        """A book of `n_runs` runs of words, the first `n_shared` of them quoted in another."""
        book = self.fresh(n_runs + 4)
        quote = book[: n_shared + 4] if n_shared else []
        return book, [*self.fresh(n_others // 2), *quote, *self.fresh(n_others - n_others // 2)]

    def edited(self, n_runs, n_changed, n_others):
        """A book, and another edition with some words changed, five runs each, and something added."""
        book = self.fresh(n_runs + 4)
        edition = list(book)
        for place in range(n_changed):
            edition[4 + 5 * place] = next(self.words)
        return book, [*edition, *self.fresh(n_others)]


@st.composite
def planted_pairs(draw):
    """(book, other, exact share): overlaps from 50 % to 99 %, the other book up to 30 times as long."""
    planter = Planter()
    pairs = []
    for _ in range(draw(st.integers(1, 5))):
        n_runs = draw(st.integers(100, 1500))
        share = draw(st.one_of(st.floats(0.5, 0.99), st.floats(0.89, 0.91)))
        n_others = draw(st.sampled_from([0, 50, 1000, 30 * n_runs]))
        if draw(st.booleans()):
            n_shared = round(n_runs * share)
            book, other = planter.quoted(n_runs, n_shared, n_others)
        else:
            n_changed = round(n_runs * (1 - share) / 5)
            n_shared = n_runs - 5 * n_changed
            book, other = planter.edited(n_runs, n_changed, n_others)
        pairs.append((" ".join(book), " ".join(other), n_shared / n_runs))
    return pairs


@settings(max_examples=60, deadline=None)
@given(planted_pairs(), st.sampled_from(["sampled", "both"]))
def test_planted_overlaps_are_measured_exactly_and_decided(pairs, candidates):
    first = {f"other-{number}": other for number, (_, other, _) in enumerate(pairs)}
    second = {f"book-{number}": book for number, (book, _, _) in enumerate(pairs)}
    decisions = {one.id: one for one in drop_covered([first, second], candidates=candidates)}
    for number, (book, other, share) in enumerate(pairs):
        assert containment(book, other) == share
        decision = decisions[f"book-{number}"]
        assert (decision.covered_by, decision.share) == ((f"other-{number}", share) if share > 0.9 else (None, 0.0))
        assert decisions[f"other-{number}"].kept


@pytest.mark.parametrize("share", [0.5, 0.6, 0.89, 0.9, 0.91, 0.95, 0.99])
@pytest.mark.parametrize("make", [Planter.quoted, Planter.edited])
def test_the_limit_itself_stays(share, make):
    n = round((share if make is Planter.quoted else (1 - share) / 5) * 1000)
    book, other = make(Planter(), 1000, n, 0)
    decisions = drop_covered([{"other": " ".join(other)}, {"book": " ".join(book)}])
    assert [one.kept for one in decisions] == [True, share <= 0.9]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1 << 32), st.integers(1, 8), st.integers(2, 4))
def test_sampled_pairs_miss_nothing(seed, n_works, n_editions):
    """Editions of works, some in one volume, all with a stock of phrases: against brute force."""
    source = np.random.default_rng(seed)
    phrases = source.integers(0, 1 << 64, 300, np.uint64)
    works = [source.integers(0, 1 << 64, source.integers(20, 1500), np.uint64) for _ in range(n_works)]
    contents = []
    for _ in range(n_editions):
        parts = [work[source.random(len(work)) < source.uniform(0.88, 1.0)] for work in works]
        contents += [np.unique(np.concatenate([part, source.choice(phrases, 30)])) for part in parts]
        contents.append(np.unique(np.concatenate([*parts, phrases])))
    covered = pairs_above(contents, 0.9)
    assert len(covered) >= n_works  # each in a volume, at least
    assert covered <= find_pairs(contents, "sampled")


def pairs_above(contents, threshold):
    """Brute force."""
    covered = set()
    for (a, own), (b, others) in itertools.combinations(enumerate(contents), 2):
        n_common = round(containment_of(own, others) * len(own))
        covered |= {(a, b)} if n_common > threshold * len(own) else set()
        covered |= {(b, a)} if n_common > threshold * len(others) else set()
    return covered


# --- candidates -------------------------------------------------------------------------------------------------------


def random_content(source, size):
    return np.unique(source.integers(0, 1 << 64, size, np.uint64))


@pytest.mark.parametrize("size", [1, 5, 255, 256, 257, 5000])
@pytest.mark.parametrize("way", WAYS)
def test_a_copy_is_found(size, way):
    source = np.random.default_rng(size)
    contents = [random_content(source, size), random_content(source, 3000)]
    assert find_pairs([*contents, contents[0]], way) == {(0, 2), (2, 0)}


@pytest.mark.parametrize("way", WAYS)
def test_empty_books_have_no_pairs(way):
    nothing = np.zeros(0, np.uint64)
    assert find_pairs([nothing, nothing], way) == find_pairs([], way) == set()


def test_unrelated_books_are_no_candidates():
    source = np.random.default_rng(0)
    assert find_pairs([random_content(source, 2000) for _ in range(50)], "both") == set()


def test_an_index_in_pieces_answers_as_the_whole_one():
    source = np.random.default_rng(1)
    work = random_content(source, 4000)
    contents = [np.sort(source.choice(work, 3500, replace=False)) for _ in range(20)]
    samples = [(100 + number, sample(hashes)) for number, hashes in enumerate(contents)]
    whole, *pieces = [SampleIndex(records(some)) for some in (samples, samples[:7], samples[7:8], samples[8:])]
    for hashes in contents:
        found, shares = whole.candidates(hashes)
        apart = [piece.candidates(hashes) for piece in pieces]
        assert found.tolist() == np.concatenate([books for books, _ in apart]).tolist()
        assert shares.tolist() == np.concatenate([of_piece for _, of_piece in apart]).tolist()


def test_records_may_come_in_any_order():
    source = np.random.default_rng(2)
    contents = [random_content(source, 300) for _ in range(5)]
    made = records(enumerate(map(sample, contents)))
    shuffled = source.permutation(made)
    for hashes in contents:
        expected, found = (SampleIndex(one).candidates(hashes)[0].tolist() for one in (made, shuffled))
        assert found == expected


@pytest.mark.parametrize("n_editions", [3, 40])
def test_many_editions_are_found_at_a_bounded_cost(n_editions):
    """More editions than a hash may have owners: each is asked for by a few hashes, and still found by all."""
    source = np.random.default_rng(3)
    work = random_content(source, 5000)
    contents = [np.sort(source.choice(work, 4800, replace=False)) for _ in range(n_editions)]
    contents += [random_content(source, 5000) for _ in range(10)]
    index = SampleIndex(records(enumerate(map(sample, contents))), most_owners=10)
    for number, hashes in enumerate(contents):
        found = index.candidates(hashes)[0].tolist()
        assert found == (list(range(n_editions)) if number < n_editions else [number])
    n_records = index.n_records
    assert n_records == (53 * 256 - 40 * 256 if n_editions == 3 else 40 * 32 + 10 * 256)


def test_phrases_that_all_books_have_hide_nothing():
    """Two fifths of a book are in all books; they are not asked for, and counted as found."""
    source = np.random.default_rng(4)
    phrases = random_content(source, 2000)
    others = [np.unique(np.append(phrases, random_content(source, 3000))) for _ in range(30)]
    own = random_content(source, 3000)
    book = np.unique(np.append(phrases, own))
    edition = np.unique(np.concatenate([phrases, own[: round(3000 * 0.85)], random_content(source, 500)]))
    assert containment_of(book, edition) > 0.9
    contents = [*others, book, edition]
    index = SampleIndex(records(enumerate(map(sample, contents))), most_owners=10)
    assert index.candidates(edition)[0].tolist() == [30, 31]
    assert index.candidates(others[0])[0].tolist() == [0]


def test_a_sample_is_the_smallest_hashes():
    hashes = random_content(np.random.default_rng(5), 1000)
    assert sample(hashes).tolist() == hashes[:256].tolist() and sample(hashes[:9]).tolist() == hashes[:9].tolist()


def test_enough_of_a_sample_is_less_than_chance_leaves():
    """The exact chance that fewer are found, of a sample of a book of which just 90 % is in the other one."""
    from math import comb

    for asked in (overlap_samples.SAMPLE, overlap_samples.CROWDED_SAMPLE):
        least = int(overlap_samples.least_found(np.array([asked]), 0.9)[0])
        assert sum(comb(asked, found) * 0.9**found * 0.1 ** (asked - found) for found in range(least)) < 1e-8


@pytest.mark.parametrize("size", [0, 1, 100, 40_000])
def test_a_signature_is_that_of_datasketch(size):
    hashes = random_content(np.random.default_rng(size), size)
    minhash = MinHash(128, seed=1, scheme="affine32", hashfunc=int)
    minhash.update_batch((hashes & np.uint64(0xFFFFFFFF)).tolist())
    assert signature(hashes).tolist() == minhash.hashvalues.tolist()


def test_the_ensemble_finds_what_is_covered():
    source = np.random.default_rng(6)
    books = [random_content(source, 2000) for _ in range(20)]
    editions = [np.unique(np.append(book[:1900], random_content(source, 100 * number))) for number, book in
                enumerate(books)]  # fmt: skip
    index = EnsembleIndex(range(20), [*map(signature, editions)], [*map(len, editions)])
    for number, book in enumerate(books):
        assert index.covering(signature(book), len(book)) == [number]


# --- decisions --------------------------------------------------------------------------------------------------------


def test_verify_counts_exactly_and_opens_the_first_book_once():
    contents = {"a": np.arange(10), "b": np.arange(5, 25), "c": np.arange(9, 12)}
    opened = []

    def open_content(name):
        opened.append(name)
        return contents[name].astype(np.uint64)

    shares = verify([("b", "a"), ("a", "c"), ("a", "b"), ("a", "b")], open_content)
    assert shares == {("a", "b"): 0.5, ("a", "c"): 0.1, ("b", "a"): 0.25}
    assert opened == ["a", "b", "c", "b", "a"]


def plan(*ids):
    """Books of one collection, the first the longest."""
    return [Book(id_, 0, 100 - place) for place, id_ in enumerate(ids)]


@pytest.mark.parametrize(
    ("books", "shares", "gone"),
    [
        pytest.param(plan("a", "b"), {("b", "a"): 0.95}, {"b": "a"}, id="covered"),
        pytest.param(plan("a", "b"), {("b", "a"): 0.9}, {}, id="the-limit-itself-stays"),
        pytest.param(plan("a", "b"), {("a", "b"): 1.0}, {}, id="the-longer-is-never-covered-by-the-shorter"),
        pytest.param(plan("a", "b"), {("a", "b"): 1.0, ("b", "a"): 1.0}, {"b": "a"}, id="one-of-two-stays"),
        pytest.param(
            plan("a", "b", "c"), {("b", "a"): 0.95, ("c", "b"): 0.95}, {"b": "a"}, id="what-went-covers-nothing"
        ),
        pytest.param(
            plan("a", "b", "c"),
            {("c", "a"): 0.92, ("c", "b"): 0.95},
            {"c": "b"},
            id="covered-by-the-one-that-holds-most",
        ),
        pytest.param(plan("b", "a", "c"), {("c", "a"): 0.95, ("c", "b"): 0.95}, {"c": "b"}, id="of-equals-the-first"),
        pytest.param(
            [Book("scan", 1, 999), Book("gutenberg", 0, 10)],
            {("scan", "gutenberg"): 0.95, ("gutenberg", "scan"): 1.0},
            {"scan": "gutenberg"},
            id="the-first-collection-stays-whatever-its-length",
        ),
        pytest.param(
            [Book("y", 0, 10), Book("x", 0, 10)], {("x", "y"): 1.0, ("y", "x"): 1.0}, {"y": "x"}, id="smaller-id"
        ),
    ],
)
def test_decide(books, shares, gone):
    assert {one.id: one.covered_by for one in decide(books, shares) if not one.kept} == gone


@st.composite
def shelves(draw):
    books = [
        Book(f"{number}", draw(st.integers(0, 1)), draw(st.integers(1, 3))) for number in range(draw(st.integers(0, 8)))
    ]
    pairs = [(a.id, b.id) for a, b in itertools.permutations(books, 2)]
    some = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return books, {pair: draw(st.sampled_from([0.5, 0.9, 0.91, 1.0])) for pair in some}


@given(shelves(), st.randoms())
def test_the_order_of_books_and_pairs_does_not_matter(shelf, random):
    books, shares = shelf
    shuffled = random.sample(sorted(shares.items()), len(shares))
    assert decide(random.sample(books, len(books)), dict(shuffled)) == decide(books, shares)


@given(shelves())
def test_a_book_goes_when_one_that_stays_before_it_covers_it(shelf):
    books, shares = shelf
    decisions = decide(books, shares)
    assert [one.id for one in decisions] == [book.id for book in sorted(books, key=lambda book: book.order)]
    for place, decision in enumerate(decisions):
        covers = {one.id: shares.get((decision.id, one.id), 0.0) for one in decisions[:place] if one.kept}
        above = {cover: share for cover, share in covers.items() if share > 0.9}
        assert decision.kept == (not above)
        assert decision.covered_by in (above or {None})
        assert decision.share == max(above.values(), default=0.0)


@given(shelves())
def test_clusters_are_what_covering_links(shelf):
    books, shares = shelf
    decisions = {one.id: one for one in decide(books, shares)}
    groups = [{book.id} for book in books]
    for a, b in (pair for pair, share in shares.items() if share > 0.9):
        joined = set().union(*(group for group in groups if group & {a, b}))
        groups = [*(group for group in groups if not group & joined), joined]
    for group in groups:
        first = next(id_ for id_ in decisions if id_ in group)
        assert decisions[first].kept
        assert {decisions[id_].cluster for id_ in group} == ({first} if len(group) > 1 else {None})


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 6), st.integers(0, 5), st.randoms(use_true_random=False))
def test_a_play_never_drops_the_works(n_plays, edits, random):
    """Whatever collection has them: the works go only where other works cover them."""
    planter = Planter()
    plays = [planter.fresh(random.randint(50, 300)) for _ in range(n_plays)]
    works = [word for play in plays for word in play]
    for _ in range(edits):
        works[random.randrange(len(works))] = next(planter.words)
    of_plays = {f"play-{number}": " ".join(play) for number, play in enumerate(plays)}
    of_works = {"works": " ".join(works)}
    for play in of_plays.values():
        assume(containment(of_works["works"], play) <= 0.9)
    assert all(one.kept for one in drop_covered([of_plays, of_works], candidates="sampled"))
    together = {one.id: one for one in drop_covered([{**of_plays, **of_works}], candidates="sampled")}
    assert together["works"].kept
    for name, play in of_plays.items():
        assert together[name].kept == (containment(play, of_works["works"]) <= 0.9)


# --- real books -------------------------------------------------------------------------------------------------------


def read(path):
    data = path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


@pytest.fixture(scope="module")
def shelf():
    if not BOOKS.is_dir():
        pytest.skip("no real books here")
    folders = (sorted((BOOKS / folder).glob("*.txt")) for folder in ("gutenberg", "near_duplicates"))
    return [{path.stem: strip_boilerplate(read(path)).text for path in folder} for folder in folders]


def test_near_duplicates_come_out_right(shelf):
    gutenberg, _ = shelf
    decisions = {one.id: one for one in drop_covered(shelf)}
    with (BOOKS / "near_duplicates" / "labels.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 19
    for row in rows:
        decision = decisions[row["file"].removeprefix("near_duplicates/").removesuffix(".txt")]
        gone = row["expected(90% overlap rule)"] == "drop"
        assert decision.covered_by == (row["original"] if gone else None), row
    # Two editions of Little Women
    assert {id_: decisions[id_].covered_by for id_ in gutenberg if not decisions[id_].kept} == {"pg514": "pg37106"}


def test_no_pair_of_real_books_is_missed(shelf):
    contents = [content_hashes(text) for books in shelf for text in books.values()]
    covered = pairs_above(contents, overlap.THRESHOLD)
    assert len(covered) == 40
    for way in WAYS:
        assert covered <= find_pairs(contents, way), way
