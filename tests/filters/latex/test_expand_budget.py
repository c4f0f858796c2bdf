"""Expansion of anything: it ends, it costs in proportion, and what is no call stays byte for byte."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.filters.latex.expand import Budget, expand_macros

SMALL = Budget(steps=2_000, output_chars=20_000, depth=20)
_PIECES = r"""\def \gdef \edef \xdef \let \newcommand \renewcommand \providecommand \global \long \newif \newenvironment
    \renewenvironment \NewDocumentCommand \NewDocumentEnvironment \DeclareMathOperator \expandafter \csname \endcsname
    \begin \end \begin{n} \end{n} \begin{verbatim} \end{verbatim} \begin{document} \verb| \url{ \href{ \iftrue \iffalse
    \ifx \ifa \else \fi \atrue \newif\ifa \makeatletter \makeatother \a \b \c \a@b \* \\ \% \{ \} \section {n} {a}
    \relax {\a} {\b#1} { } [ ] [1] [2] [x] #1 #2 ## # a b ( ) , ; = * % $ & ~ é"""
PIECES = _PIECES.split()
SOURCE = st.lists(st.sampled_from([*PIECES, " ", "\n", "\n\n", "%x\n"]), max_size=40).map("".join)
#: What of these does something by itself.
ACTIVE = ("def", "\\let", "command", "\\new", "environment", "Document", "Declare", "\\iftrue", "\\iffalse")


def laughs(n_levels, width):
    r"""`\a` calls `\b` some times, `\b` calls `\c`, and so on."""
    names = [f"\\{chr(97 + level)}" for level in range(n_levels)]
    return "".join(f"\\def{name}{{{below * width}}}" for name, below in zip(names, [*names[1:], "x"], strict=True))


@settings(max_examples=300)
@given(SOURCE)
@example(r"\def\a{\a\a}\a")
@example(r"\def\a#1{\a{#1#1}}\a b")
@example(r"\def\a#1;{#1;\a}\a b;c;d")
@example(r"\newenvironment{n}{\begin{n}}{\end{n}}\begin{n}\end{n}")
@example(r"\edef\a{\a}\a\xdef\a{\a\a}\a")
@example(r"\let\a\begin\let\begin\a\begin{n}")
def test_any_source_ends_within_its_budget(source):
    expanded = expand_macros(source, budget=SMALL)
    assert expanded == expand_macros(source, budget=SMALL)
    assert len(expanded.text) <= 2 * len(source) + 2 * SMALL.output_chars
    assert expanded.n_calls <= expanded.n_steps <= 2 * SMALL.steps


@given(st.text(st.characters(exclude_characters="\\")) | st.text("{}[]%$#&~^_ \n\tab"))
def test_text_without_commands_stays_byte_for_byte(source):
    assert expand_macros(source).text == source


@given(SOURCE.filter(lambda source: not any(name in source for name in ACTIVE)))
def test_text_without_definitions_stays_byte_for_byte(source):
    assert expand_macros(source).text == source


@given(SOURCE)
def test_a_definition_that_nobody_calls_changes_nothing_else(source):
    plain = source.replace("\\newif", "")
    assert expand_macros(f"\\newcommand{{\\unused}}[1]{{\\a#1}}\n{plain}", budget=SMALL).text in (
        expand_macros(plain, budget=SMALL).text,
        expand_macros(f"\n{plain}", budget=SMALL).text.removeprefix("\n"),
    )


BODY = st.recursive(
    st.sampled_from(
        ["x", r"\alpha", r"\c{y}", r"\d[1]{z}", r"\d w", r"$\e$", "% \\e\n", r"\verb|\e|", r"\begin{q}a\end{q}"]
    ),
    lambda inner: st.builds(lambda parts: f"{{{' '.join(parts)}}}", st.lists(inner, max_size=3)),
)
PREAMBLE = (
    r"\newcommand\c[1]{\beta#1}\newcommand{\d}[2][o]{#2/#1}\def\e{\d[\gamma]{E}}"
    r"\newenvironment{q}{\begin{quote}}{\end{quote}}"
)


@given(st.lists(BODY, max_size=8).map(" ".join))
def test_a_second_time_nothing_happens(body):
    once = expand_macros(PREAMBLE + body).text
    twice = expand_macros(once)
    assert (twice.text, twice.n_calls, twice.n_definitions) == (once, 0, 0)
    assert not any(
        name in once.replace(r"\verb|\e|", "").replace("% \\e\n", "") for name in (r"\c", r"\d", r"\e{", "{q}")
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(r"\def\a{\a\a} \a b \a", r"\a b \a", id="itself"),
        pytest.param(r"\def\a{\b}\def\b{\a}\a-\b", r"\a-\a", id="each-other"),
        pytest.param(r"\def\a{\a}\def\b#1{<#1>}\b{\a}c", r"<\a>c", id="in-an-argument"),
        pytest.param(r"\def\a{x\a}\def\b{y\a z}\b c", r"y\a z c", id="in-an-expansion"),
        pytest.param(r"\def\a#1{\a{#1#1}}\a{x}", r"\a{x}", id="growing"),
        pytest.param(laughs(20, 10) + r"\a \t", r"\a xxxxxxxxxx", id="billion-laughs"),
        pytest.param(r"\def\a#1{#1#1}" + r"\a{" * 25 + "x" + "}" * 25, r"\a{" * 25 + "x" + "}" * 25, id="doubling"),
    ],
)
def test_what_explodes_stays_as_written(source, expected):
    expanded = expand_macros(source)
    assert expanded.text == expected
    assert set(expanded.left) <= {"recursive", "over_budget"}
    assert expanded.left.total() > 0


def test_what_an_exploding_call_did_is_taken_back():
    source = r"\def\x{1}\def\a{\gdef\x{2}\begin{n}{\a}}{\a}\x\end{n}"
    assert expand_macros(source).text == r"{\a}1\end{n}"


@pytest.mark.parametrize(
    "unit",
    [
        pytest.param(r"\newcommand{\x}[1]{<#1>}\x{a}\x{\x{b}} ", id="calls"),
        pytest.param(r"\def\x#1;{#1}\x a;", id="delimited"),
        pytest.param(r"\def\nc{\newcommand}\nc\y{a}\y{", id="open-groups"),
        pytest.param(r"\begin{n}\def\x{a}\x", id="open-environments"),
        pytest.param(r"\newenvironment{n}{a}{b}\begin{n}c\end{n}", id="environments"),
        pytest.param(r"\iftrue a\else b\fi", id="conditionals"),
        pytest.param(r"\begin{verbatim}a\end{verbatim}\verb|a|", id="verbatim"),
    ],
)
def test_steps_grow_with_length(unit):
    steps = [expand_macros(unit * n).n_steps for n in (100, 200, 400)]
    assert steps[2] - steps[1] <= 2.2 * (steps[1] - steps[0]) + 20


@pytest.mark.parametrize(
    "unit",
    [
        pytest.param(r"\def\x#1{#1}\x{", id="argument-without-an-end"),
        pytest.param(r"\def\x#1;{}\x", id="delimiter-that-never-comes"),
        pytest.param(r"\newcommand{\x", id="definition-without-an-end"),
        pytest.param(r"\def\x", id="def-without-a-body"),
        pytest.param(r"\iftrue", id="conditional-without-an-end"),
        pytest.param(r"\ifx", id="unknown-conditional-without-an-end"),
        pytest.param(r"\begin{verbatim}", id="verbatim-without-an-end"),
        pytest.param(r"\begin{a}\end{b}", id="environments-that-do-not-match"),
        pytest.param(r"\newcommand\n{\newcommand}\n{\a", id="definition-that-goes-on-behind-a-call"),
        pytest.param("{" * 100, id="groups"),
        pytest.param(r"\csname", id="csname"),
        pytest.param(r"\url{", id="address"),
        pytest.param(r"\verb|a", id="verb"),
    ],
)
def test_broken_sources_stop_at_the_budget(unit):
    budget = Budget(steps=20_000)
    expanded = expand_macros(unit * 3_000, budget=budget)
    assert expanded.n_steps <= budget.steps + 3_000 * len(unit) / 10
    assert len(expanded.text) <= 2 * 3_000 * len(unit)


def test_behind_the_last_step_all_stays():
    source = r"\def\x{a}" + r"\x " * 10
    expanded = expand_macros(source, budget=Budget(steps=80))
    assert expanded.text == "a " * 10
    assert expand_macros(source, budget=Budget(steps=5)).text.endswith(r"\x " * 5)
