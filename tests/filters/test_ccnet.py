"""CCNet's line rules: table tests, the reference's own results, and the batch kernel against the rule for one line."""

import hashlib
import io
import itertools
import sys
import tracemalloc
import unicodedata

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters import ccnet_lines
from corpusmill.filters.ccnet import (
    drop_lines,
    drop_shared_lines,
    hash_line,
    hash_lines,
    normalize_line,
    split_title,
)
from corpusmill.records import Reason
from oracle import cases

OPTIONS = [
    pytest.param({"hash": name, "normalise": normalise}, id=f"{name}-{normalise}")
    for name, normalise in itertools.product(("sha1", "xxh3"), ("ccnet-code", "ccnet-paper"))
]
ODD = "\x00\x07\t\x0b\x1c\x1f\x7f\x80\x85\xa0\u1680\u2028\u2029\u3000\r １٣𝟘İΣσςK’…_-!é\u0301\u0345😀𐐀Жﬁ가"
CHARS = st.sampled_from(ODD) | st.sampled_from("aAbB 1\n\n") | st.characters(exclude_categories=["Cs"])
TEXT = st.text(CHARS, max_size=30)
#: Few lines, so that documents share them; some differ in what normalising takes away.
LINE = st.sampled_from(["", "menu", "Menu ", "a 1", "a 2", "b", "“b”", "c", "Σ", "é"])
SHARDS = st.lists(st.lists(st.lists(LINE, min_size=1, max_size=5).map("\n".join), max_size=4), max_size=4)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("", ("", ""), id="empty"),
        pytest.param("title", ("title", ""), id="title-alone"),
        pytest.param("title\n", ("title", ""), id="last-line-end-closes-the-line"),
        pytest.param("title\n\n", ("title", ""), id="text-of-one-blank-line"),
        pytest.param("\n", ("", ""), id="blank-title"),
        pytest.param("\ntext", ("", "text"), id="first-line-is-the-title-even-if-blank"),
        pytest.param("a\nb\n\n", ("a", "b\n"), id="one-line-end-dropped-not-two"),
        pytest.param("a\r\nb\rc\r\n", ("a", "b\nc"), id="universal-newlines"),
        pytest.param("a\n\rb\r\r\n", ("a", "\nb\n"), id="mixed-newlines"),
        pytest.param(" a\n\tb \n\xa0\nc\u3000", ("a", "b\n\nc"), id="every-line-stripped"),
        pytest.param(" a", ("a", ""), id="space-at-the-very-start"),
        pytest.param("a\nb ", ("a", "b"), id="space-at-the-very-end"),
        pytest.param("a\n \nb", ("a", "\nb"), id="blank-line-of-spaces"),
        pytest.param("a\nb\x85c\u2028d\x0be", ("a", "b\x85c\u2028d\x0be"), id="other-separators-end-no-line"),
        pytest.param("a\n  b  c  ", ("a", "b  c"), id="inner-space-stays"),
    ],
)
def test_split_title(body, expected):
    assert split_title(body) == expected


@given(st.text(st.sampled_from("ab \t\r\n\n\x85\x1c\u2028\xa0"), max_size=12) | st.text())
def test_split_title_reads_lines_as_python_does(body):
    read = io.StringIO(body, newline=None).read()
    lines = [line.strip() for line in read.removesuffix("\n").split("\n")]
    assert split_title(body) == (lines[0], "\n".join(lines[1:]))


@pytest.mark.parametrize("form", ["t\n{}x", "t\nx{}", "t\n{}", "{}x\ny", "t\nx{}\ny", "t\n{}\ny"])
def test_split_title_strips_all_white_space(form):
    for space in filter(str.isspace, map(chr, range(sys.maxunicode + 1))):
        if space not in "\r\n":
            assert split_title(form.format(space)) == split_title(form.format(""))


@pytest.mark.parametrize(
    ("line", "code", "paper"),
    [
        pytest.param("", "", "", id="empty"),
        pytest.param(" \t\u3000", "", "", id="blank"),
        pytest.param("Hello, World! 42", "hello, world! 00", "hello world 00", id="ascii"),
        pytest.param("$5+<a|b>^`~", "$0+<a|b>^`~", "$0+<a|b>^`~", id="symbols-are-no-punctuation"),
        pytest.param("1234", "0000", "0000", id="one-0-a-digit"),
        pytest.param("１٣𝟘", "000", "000", id="digits-of-any-script"),
        pytest.param("²½Ⅷ①", "²½ⅷ①", "²½ⅷ①", id="numbers-that-are-no-decimal-digits"),
        pytest.param("“a” — b…", "a  b", "a  b", id="spaces-around-punctuation-stay"),
        pytest.param("abc …", "abc ", "abc ", id="stripped-before-punctuation-goes"),
        pytest.param(" \x07 abc", " abc", " abc", id="stripped-before-controls-go"),
        pytest.param("‘a’ 『b』", "‘a 『b』", "a b", id="marks-not-in-the-code's-table"),
        pytest.param("a\x00b\x7fc\x80d\x9fe\xa0f", "abcde\xa0f", "abcde\xa0f", id="controls"),
        pytest.param("a\rb\u2028c", "ab\u2028c", "ab\u2028c", id="line-separator-is-no-control"),
        pytest.param("Café", "café", "cafe", id="composed-accent"),
        pytest.param("cafe\u0301", "cafe\u0301", "cafe", id="combining-accent"),
        pytest.param("a\u20dd कि", "a\u20dd कि", "a\u20dd कि", id="marks-that-are-no-accents"),
        pytest.param("İ", "i\u0307", "i", id="lower-case-of-two-characters"),
        pytest.param("ΟΔΟΣ Σ", "οδος σ", "οδος σ", id="final-sigma"),
        pytest.param("𐐀K", "𐐨k", "𐐨k", id="upper-case-beyond-the-basic-plane"),
        pytest.param("ﬁ가", "ﬁ가", "ﬁ\u1100\u1161", id="canonical-decomposition-only"),
    ],
)
def test_normalize_line(line, code, paper):
    assert normalize_line(line) == code
    assert normalize_line(line, normalise="ccnet-paper") == paper
    assert hash_line(line) == int.from_bytes(hashlib.sha1(code.encode()).digest()[:8], "little")
    assert hash_line(line, hash="xxh3", normalise="ccnet-paper") == xxhash.xxh3_64_intdigest(paper.encode())


@pytest.mark.parametrize("case", cases("ccnet_normalize"))
def test_normalises_as_the_reference(case):
    assert normalize_line(case["input"]) == case["dedup_normalized"]
    assert hash_line(case["input"]) == int(case["dedup_hash_u64"])
    assert [own.tolist() for own in hash_lines([case["input"]])] == [[int(case["dedup_hash_u64"])]]


@pytest.mark.parametrize("options", OPTIONS)
@given(texts=st.lists(TEXT, max_size=6))
def test_batch_is_line_by_line(options, texts):
    hashes = hash_lines(texts, **options)
    assert [own.tolist() for own in hashes] == [[hash_line(line, **options) for line in t.split("\n")] for t in texts]
    assert all(own.dtype == np.uint64 for own in hashes)


@pytest.mark.parametrize("normalise", ["ccnet-code", "ccnet-paper"])
def test_batch_is_line_by_line_for_every_character(normalise):
    """All that a rule may change: every assigned character but letters without case of the higher planes."""
    characters = (chr(code) for code in range(sys.maxunicode + 1) if code != 10)
    lines = [
        f"A{char}1"
        for char in characters
        if (category := unicodedata.category(char)) not in ("Cs", "Cn", "Co") and (category != "Lo" or char < "\u3400")
    ]
    (hashes,) = hash_lines(["\n".join(lines)], hash="xxh3", normalise=normalise)
    expected = [hash_line(line, hash="xxh3", normalise=normalise) for line in lines]
    differ = [line for line, ours, theirs in zip(lines, hashes.tolist(), expected, strict=True) if ours != theirs]
    assert not differ


@pytest.mark.parametrize("n_chars", [1, 2, 5, 20])
@given(texts=st.lists(TEXT, max_size=6))
def test_batches_of_any_size_give_the_same(n_chars, texts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ccnet_lines, "BATCH_CHARS", n_chars)
        in_batches = hash_lines(texts)
    assert [own.tolist() for own in in_batches] == [own.tolist() for own in hash_lines(texts)]


@pytest.mark.parametrize(
    ("text", "max_factor"),
    [
        pytest.param("aB3 " * (1 << 18), 6, id="one-ascii-line"),
        pytest.param("Ж1 é" * (1 << 18), 16, id="one-line"),
        pytest.param("\n".join(map(str, range(1 << 17))), 8, id="many-short-lines"),
        pytest.param("a" * (1 << 20) + "😀", 20, id="one-wide-character"),
    ],
)
def test_memory_is_a_small_multiple_of_the_input(text, max_factor, monkeypatch):
    monkeypatch.setattr(ccnet_lines, "BATCH_CHARS", 1 << 14)
    hash_lines(["é"])  # tables are made once
    tracemalloc.start()
    try:
        hash_lines([text])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < max_factor * len(text.encode())


def test_an_option_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError):
        hash_lines(["a"], hash="md5")
    with pytest.raises(KeyError):
        normalize_line("a", normalise="none")
    with pytest.raises(KeyError):
        drop_shared_lines([["a"]], "last")


SHARED_LINE, REPEATED_LINE = Reason.CCNET_SHARED_LINE, Reason.CCNET_REPEATED_LINE


@pytest.mark.parametrize(
    ("text", "shared", "expected", "dropped"),
    [
        pytest.param("a\nb", "..", "a\nb", {}, id="nothing-goes"),
        pytest.param("a\nb\nc", ".x.", "a\nc", {SHARED_LINE: 1}, id="shared-goes"),
        pytest.param("a\nb\nA ", "...", "a\nb", {REPEATED_LINE: 1}, id="first-of-a-repeat-stays-as-written"),
        pytest.param("A \na\na", "...", "A ", {REPEATED_LINE: 2}, id="repeated-twice"),
        pytest.param("a\nb\na", "x.x", "b", {SHARED_LINE: 2}, id="shared-repeats-are-shared"),
        pytest.param("a\nb\nb\nc", "x..x", "b", {SHARED_LINE: 2, REPEATED_LINE: 1}, id="both"),
        pytest.param("a\nb", "xx", None, {SHARED_LINE: 2}, id="no-line-left"),
        pytest.param("", "x", None, {SHARED_LINE: 1}, id="empty-text-has-one-line"),
        pytest.param("", ".", "", {}, id="a-blank-line-is-a-line"),
        pytest.param("\n\na", "..x", "", {SHARED_LINE: 1, REPEATED_LINE: 1}, id="one-blank-line-left"),
    ],
)
def test_drop_lines(text, shared, expected, dropped):
    (hashes,) = hash_lines([text])
    assert drop_lines(text, hashes, np.array([mark == "x" for mark in shared])) == (expected, dropped)


def test_drop_lines_wants_one_hash_a_line():
    (hashes,) = hash_lines(["a\nb"])
    with pytest.raises(ValueError, match="zip"):
        drop_lines("a\nb\nc", hashes, np.zeros(2, bool))


@pytest.mark.parametrize("case", cases("ccnet_dedup"))
def test_drops_lines_as_the_reference(case):
    left = drop_shared_lines(case["shards"], "first" if case["mode"] == "keep_first" else "none")
    found = [[(i, text) for i, text in enumerate(shard) if text is not None] for shard in left]
    assert found == [[(document["doc"], document["text"]) for document in shard] for shard in case["expected"]]


def keys(text):
    return {normalize_line(line) for line in text.split("\n")} if text is not None else set()


@given(SHARDS)
def test_none_leaves_lines_of_one_document_alone(shards):
    left = drop_shared_lines(shards)
    of_documents = [keys(text) for shard in shards for text in shard]
    for text, own in zip(itertools.chain(*left), of_documents, strict=True):
        assert keys(text) == {key for key in own if sum(key in other for other in of_documents) == 1}
    assert [len(shard) for shard in left] == [len(shard) for shard in shards]


@given(SHARDS)
def test_first_leaves_each_line_to_its_first_document(shards):
    seen = set()
    for text, kept in zip(itertools.chain(*shards), itertools.chain(*drop_shared_lines(shards, "first")), strict=True):
        assert keys(kept) == keys(text) - seen
        seen |= keys(text)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("keep", ["none", "first"])
@given(shards=SHARDS)
def test_a_second_time_nothing_goes(options, keep, shards):
    left = [[text for text in shard if text is not None] for shard in drop_shared_lines(shards, keep, **options)]
    assert drop_shared_lines(left, keep, **options) == left
