"""Expansion against pdfTeX: the cases of the oracle, compared as tokens, as values, and as sentences of a document."""

import re

import pytest

from corpusmill.filters.latex.expand import expand_macros
from oracle import cases

#: What these documents ask for concerns comments, which is another step's; here comments stay.
OF_COMMENTS = {"mac-110", "mac-112"}
TOKEN = re.compile(r"\\(?:[A-Za-z@]+|.)|\S", re.DOTALL)
#: amsmath prints an operator as `\operatorname`, pandoc as `\mathop{\mathrm{…}}`: both are right.


def tokens(latex):
    """The tokens of a formula without braces, which the reference adds around some arguments."""
    return [token for token in TOKEN.findall(latex) if token not in "{}"]


def one_line(text):
    return " ".join(text.split())


@pytest.mark.parametrize("case", cases("arxiv_macros", "math"))
def test_formulas_have_the_tokens_that_tex_expands_them_to(case):
    expanded = expand_macros(f"{case['preamble']}\n{case['input']}").text
    assert tokens(re.sub(r"^%.*\n", "", expanded)) == [token for token in case["expected_tokens"] if token not in "{}"]


@pytest.mark.parametrize("case", cases("arxiv_macros", "state"))
def test_scopes_have_the_values_that_tex_writes(case):
    expanded = expand_macros(case["document"]).text
    assert [one_line(value) for value in re.findall(r"QBEGIN (.*?)QEND", expanded)] == case["tex_values"]


@pytest.mark.parametrize("case", cases("arxiv_macros", "document"))
def test_documents_say_what_engines_print(case):
    if case["id"] in OF_COMMENTS:
        pytest.skip("comments and their line ends: tested where they are taken off")
    body = one_line(expand_macros(case["document"]).text.partition("\\section{Intro}")[2])
    assert all(one_line(wanted) in body for wanted in case["must_contain"])
    assert not any(one_line(unwanted) in body for unwanted in case["must_not_contain"])
