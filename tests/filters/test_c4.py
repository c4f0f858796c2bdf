"""C4's rules for one page: table tests, the reference's own results, and the page at once against line by line."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters import sentences
from corpusmill.filters.c4 import C4Rules, Verdict, clean_page, line_reasons
from corpusmill.records import Reason
from oracle import cases

OK = "This line is a sentence."
PAGE = "\n".join([OK, "And here is another one.", "This is the third line."])
OF_CASES = {
    "kept": None,
    "filtered-page-toofewsentences": Reason.C4_TOO_FEW_SENTENCES,
    "filtered-page-loremipsum": Reason.C4_LOREM_IPSUM,
    "filtered-page-squigglybracket": Reason.C4_BRACE,
    "filtered-page-badword": Reason.C4_BADWORD,
    "lines-with-too-long-word": Reason.C4_LINE_LONG_WORD,
    "lines-no-endmark": Reason.C4_LINE_NO_END_MARK,
    "lines-too-short": Reason.C4_LINE_TOO_SHORT,
    "lines-javascript": Reason.C4_LINE_JAVASCRIPT,
    "lines-policy": Reason.C4_LINE_POLICY,
}


@pytest.mark.parametrize("case", cases("c4"))
def test_cleans_as_the_reference(case):
    """All of them, also where it is a matter of sentences: none of these pages is one that splitters disagree about."""
    verdict = clean_page(case["input"], case["badwords"])
    assert (verdict.text, verdict.reason) == (case["tfds"]["text"], OF_CASES[case["tfds"]["reason"]])
    counters = {OF_CASES[name]: n for name, n in case["tfds"]["line_counters"].items() if name != "lines-valid"}
    assert verdict.line_reasons == counters


@pytest.mark.parametrize("case", cases("c4"))
def test_cleans_as_the_reference_without_badwords(case):
    verdict, expected = clean_page(case["input"]), case["tfds_no_badwords"]
    assert (verdict.text, verdict.reason) == (expected["text"], OF_CASES[expected["reason"]])


def test_a_page_needs_one_reason_to_go():
    assert clean_page("").reason is Reason.C4_TOO_FEW_SENTENCES
    assert clean_page("").measures == {"sentences": 0}
    assert clean_page(PAGE).reason is None
    assert clean_page(PAGE).text == PAGE


LONG = f"A word {'x' * 1000} of a thousand letters."


@pytest.mark.parametrize(
    ("line", "kept", "reason"),
    [
        pytest.param(" \tThis line is a sentence.\xa0", OK, None, id="stripped"),
        pytest.param("", None, Reason.C4_LINE_NO_END_MARK, id="blank"),
        pytest.param(LONG, LONG, None, id="word-of-the-maximum"),
        pytest.param(LONG.replace("x ", "xx "), None, Reason.C4_LINE_LONG_WORD, id="word-over-it"),
        pytest.param("x" * 1001, None, Reason.C4_LINE_LONG_WORD, id="long-word-comes-first"),
        pytest.param("word " * 500 + "end.", "word " * 500 + "end.", None, id="long-line-of-short-words"),
        pytest.param(
            f"[{'1' * 1001}] is no citation but a word.", None, Reason.C4_LINE_LONG_WORD, id="citation-as-a-word"
        ),
        pytest.param("This line[1] is a[] sentence.[٣]", OK.replace("is a", "is a"), None, id="citations"),
        pytest.param("This line is a sentence.[edit][citation needed]", OK, None, id="other-citations"),
        pytest.param("This line is a sentence. [1]", None, Reason.C4_LINE_NO_END_MARK, id="not-stripped-again"),
        pytest.param("This line is a sentence.[Edit]", None, Reason.C4_LINE_NO_END_MARK, id="case-of-citations"),
        pytest.param("This line is a [1]", None, Reason.C4_LINE_NO_END_MARK, id="no-mark-under-citation"),
        pytest.param("One two three [1] four.", None, Reason.C4_LINE_TOO_SHORT, id="a-citation-is-no-word"),
        pytest.param("Is it a sentence here?", "Is it a sentence here?", None, id="question"),
        pytest.param("It is a sentence here!", "It is a sentence here!", None, id="exclamation"),
        pytest.param('He said "this is it"', 'He said "this is it"', None, id="quote"),
        pytest.param("He said “this is it”", None, Reason.C4_LINE_NO_END_MARK, id="curly-quote"),
        pytest.param("He said 'this is it'", None, Reason.C4_LINE_NO_END_MARK, id="apostrophe"),
        pytest.param("And so the story goes...", None, Reason.C4_LINE_NO_END_MARK, id="ellipsis"),
        pytest.param("And so the story goes..", "And so the story goes..", None, id="two-periods"),
        pytest.param("One two three four.", None, Reason.C4_LINE_TOO_SHORT, id="four-words"),
        pytest.param("One two three \u3000 four . ", "One two three \u3000 four .", None, id="words-by-white-space"),
        pytest.param("We use JavaScript { here } too.", None, Reason.C4_LINE_JAVASCRIPT, id="javascript-before-brace"),
        pytest.param("It closes with } a brace.", "It closes with } a brace.", None, id="closing-brace"),
        pytest.param("function a() { return b }", None, Reason.C4_LINE_NO_END_MARK, id="form-before-content"),
        pytest.param("Lorem ipsum javascript { privacy policy", None, Reason.C4_LINE_NO_END_MARK, id="content-last"),
        pytest.param("Please read our Terms of Use.", None, Reason.C4_LINE_POLICY, id="terms"),
        pytest.param("Please read our terms of service.", "Please read our terms of service.", None, id="other-terms"),
        pytest.param("This page uses coo\u212aies a lot.", None, Reason.C4_LINE_POLICY, id="kelvin-sign-is-a-k"),
        pytest.param(
            "This page bakes some cookies now.", "This page bakes some cookies now.", None, id="cookies-to-eat"
        ),
        pytest.param("This line has a zorgon.", "This line has a zorgon.", None, id="word-of-no-list"),
    ],
)
@pytest.mark.parametrize("before", ["", "A line that says javascript goes."], ids=["alone", "among-others"])
def test_lines(line, kept, reason, before):
    """Also beside a line that goes for what it says: then each line of the page is looked into."""
    verdict = clean_page(f"{before}\n{line}\n{PAGE}")
    assert verdict.text == (PAGE if kept is None else f"{kept}\n{PAGE}")
    counts = {Reason.C4_LINE_NO_END_MARK: int(not before), Reason.C4_LINE_JAVASCRIPT: int(bool(before))}
    if reason:
        counts[reason] = counts.get(reason, 0) + 1
    assert verdict.line_reasons == {name: n for name, n in counts.items() if n}
    assert line_reasons(line) == ([reason] if line else [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("Here LOREM  ipsum is not it.", None, id="two-spaces"),
        pytest.param("Here LOREM ipsum is found.", Reason.C4_LOREM_IPSUM, id="any-case"),
        pytest.param("Lorem ip[1]sum is hidden by marks.", Reason.C4_LOREM_IPSUM, id="under-a-citation"),
        pytest.param("Lorem ipsum with javascript in it.", Reason.C4_LOREM_IPSUM, id="before-javascript"),
        pytest.param("This one is { a brace.", Reason.C4_BRACE, id="brace"),
        pytest.param("Our { privacy policy is this.", Reason.C4_BRACE, id="brace-before-policy"),
        pytest.param("A line with zorgon in it.", Reason.C4_BADWORD, id="badword"),
        pytest.param("A line with zorgon{ in it.", Reason.C4_BRACE, id="brace-before-badword"),
        pytest.param("The privacy policy of zorgon is this.", None, id="badword-in-a-policy-line"),
        pytest.param("Zorgon stands first in this line.", None, id="badword-at-the-start"),
    ],
)
def test_lines_that_take_the_page(line, reason):
    verdict = clean_page(f"Menu\n{PAGE}\n{line}\nToo short.", ["zorgon"])
    assert verdict.reason is reason
    assert (verdict.text is None) == (reason is not None)
    if reason:
        assert verdict.line_reasons == {Reason.C4_LINE_NO_END_MARK: 1}, "lines before it only"


def test_the_first_line_decides_why_the_page_goes():
    lorem, brace = "Here is some lorem ipsum text.", "Here is { some other text."
    assert clean_page(f"{lorem}\n{brace}").reason is Reason.C4_LOREM_IPSUM
    assert clean_page(f"{brace}\n{lorem}").reason is Reason.C4_BRACE


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_line_ends(end):
    assert clean_page(PAGE.replace("\n", end)).text == PAGE


@pytest.mark.parametrize(
    ("rules", "text", "reason"),
    [
        pytest.param(C4Rules(max_page_chars=len(PAGE)), PAGE, None, id="as-long-as-the-maximum"),
        pytest.param(C4Rules(max_page_chars=len(PAGE) - 1), PAGE, Reason.C4_TOO_LONG, id="longer"),
        pytest.param(C4Rules(min_sentences=4), PAGE, Reason.C4_TOO_FEW_SENTENCES, id="one-sentence-short"),
        pytest.param(C4Rules(min_sentences=4), f"{PAGE} Is it? It is.", None, id="several-in-a-line"),
        pytest.param(C4Rules(min_words=6), PAGE, Reason.C4_TOO_FEW_SENTENCES, id="more-words"),
        pytest.param(C4Rules(min_words=1), "One.\nTwo!\nThree?", None, id="one-word"),
        pytest.param(C4Rules(min_words=0), "One.\nTwo!\nThree?", None, id="no-word"),
        pytest.param(C4Rules(max_word_chars=7), PAGE, Reason.C4_TOO_FEW_SENTENCES, id="shorter-words"),
    ],
)
def test_thresholds(rules, text, reason):
    assert clean_page(text, rules=rules).reason is reason


def test_too_few_sentences_are_counted():
    assert clean_page(f"{OK}\nMenu").measures == {"sentences": 1}
    assert clean_page("Mr. Smith came here again. He left.").measures == {"sentences": 2}


SPECIAL = [
    "javascript",
    "JavaScript",
    "lorem ipsum",
    "{",
    "}",
    "[1]",
    "[edit]",
    "zorgon",
    "Uses cookies",
    "terms of use",
]
PLAIN = ["One two three four five.", "Short.", "a b c d e f", "x" * 1001, "...", ".", '"', "\u212a", "İ"]
FRAGMENT = st.sampled_from([*SPECIAL, *PLAIN, " ", "\r", "\n", "\n", "\n"])
TEXT = st.lists(FRAGMENT, max_size=25).map("".join)


def plainly(text, badwords=()):
    """C4's rules as the paper's code goes through them, a line after the other."""
    kept, reasons, n_sentences = [], [], 0
    pattern = re.compile(f"[^a-z](?:{'|'.join(map(re.escape, badwords)) or '(?!)'})[^a-z]")
    for line in text.splitlines():
        line = line.strip()
        if any(len(word) > 1000 for word in line.split()):
            reasons.append(Reason.C4_LINE_LONG_WORD)
            continue
        line = re.sub(r"\[\d*\]|\[edit\]|\[citation needed\]", "", line)
        lower = line.lower()
        if not line.endswith((".", "?", "!", '"')) or line.endswith("..."):
            reasons.append(Reason.C4_LINE_NO_END_MARK)
        elif len(line.split()) < 5:
            reasons.append(Reason.C4_LINE_TOO_SHORT)
        elif "lorem ipsum" in lower:
            return None, Reason.C4_LOREM_IPSUM, reasons
        elif "javascript" in lower:
            reasons.append(Reason.C4_LINE_JAVASCRIPT)
        elif "{" in line:
            return None, Reason.C4_BRACE, reasons
        elif re.search("terms of use|(privacy|cookie) policy|uses cookies|use of cookies|use cookies", lower):
            reasons.append(Reason.C4_LINE_POLICY)
        elif pattern.search(lower):
            return None, Reason.C4_BADWORD, reasons
        else:
            kept.append(line)
            n_sentences += sentences.count(line)
    return ("\n".join(kept), None, reasons) if n_sentences >= 3 else (None, Reason.C4_TOO_FEW_SENTENCES, reasons)


@given(TEXT, st.sampled_from([(), ("zorgon",), ("zorgon", "e. {", "five")]))
def test_a_page_at_once_is_line_by_line(text, badwords):
    verdict = clean_page(text, badwords)
    *expected, reasons = plainly(text, badwords)
    assert [verdict.text, verdict.reason] == expected
    assert verdict.line_reasons == Counter(reasons)


@given(TEXT)
def test_what_stays_stays(text):
    verdict = clean_page(text)
    if verdict.text is not None and "[" not in verdict.text:
        assert clean_page(verdict.text) == Verdict(verdict.text)


@given(TEXT)
def test_each_line_has_a_reason_or_stays(text):
    verdict, reasons = clean_page(text), line_reasons(text)
    assert len(reasons) == len(text.splitlines())
    if verdict.text is not None:
        assert Counter(filter(None, reasons)) == verdict.line_reasons
        assert reasons.count(None) == verdict.text.count("\n") + 1
