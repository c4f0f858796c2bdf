"""HTML to text: what stands where, and that nothing but marks of lists and white space is added."""

import re
import string

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from corpusmill.filters.html import to_text


def bare(text: str) -> str:
    """Without any white space, of any alphabet."""
    return re.sub(r"\s+", "", text)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("no tags & none\nneeded", "no tags & none needed", id="text without tags"),
        pytest.param("<p>a</p>\n\n<p>b</p>\n", "a\n\nb", id="paragraphs"),
        pytest.param("<p>a</p>b<p>c", "a\n\nb\n\nc", id="text between paragraphs, one left open"),
        pytest.param("<p>a\n  b \n\n c  d</p>", "a b  c  d", id="lines are folded"),
        pytest.param("a<br>b<br/>c<br />d", "a\nb\nc\nd", id="line breaks in all forms"),
        pytest.param("<p>one</p><hr><p>two</p>", "one\n\ntwo", id="a rule separates"),
        pytest.param("<h1>T</h1>\n<p>a</p>", "T\n\na", id="heading"),
        pytest.param("<blockquote>\n  <p>q</p>\n</blockquote>\n\n<p>a</p>", "> q\n\na", id="quote"),
        pytest.param("<blockquote><p>a<br>b</p><p>c</p></blockquote>d", "> a\n> b\n>\n> c\n\nd", id="quoted lines"),
        pytest.param(
            "<blockquote>a<blockquote>b</blockquote>c</blockquote>", "> a\n\n> > b\n\n> c", id="quote in quote"
        ),
        pytest.param("<blockquote><pre>a\n  b</pre></blockquote>", "> a\n>   b", id="quoted code"),
        pytest.param(
            "<ol><li>a<blockquote>q</blockquote></li><li>b</li></ol>", "1. a\n\n> q\n\n2. b", id="quote in list"
        ),
        pytest.param("</blockquote>a<blockquote>b", "a\n\n> b", id="quotes left open"),
        pytest.param(
            "10<sup>200</sup>m, x<sup>n</sup>, (a)<sup>-1</sup>, 2<sup>2n</sup>",
            "10^200m, x^n, (a)^-1, 2^2n",
            id="powers",
        ),
        pytest.param(
            "1<sup>st</sup>, 2<sup>e</sup>, x<sup>TM</sup>, <sup>14</sup>C", "1st, 2e, xTM, 14C", id="no powers"
        ),
        pytest.param("a <s>b <em>c</em></s> d<del>e</del>f<strike>g", "a  dfg", id="what is struck out"),
        pytest.param("x<sub>2</sub> <em>y</em><strong>z</strong>", "x2 yz", id="inline tags leave nothing"),
        pytest.param('<a href="u" title="a b">t</a><img src="s" alt="alt">', "t", id="links keep their text"),
        pytest.param("<ul><li>a</li><li>b</li></ul>", "* a\n* b", id="list"),
        pytest.param("<p>x</p><ol>\n<li>a</li>\n<li>b</li>\n</ol>y", "x\n\n1. a\n2. b\n\ny", id="numbered list"),
        pytest.param('<ol start="9"><li>a</li><li>b</li></ol>', "9. a\n10. b", id="list that begins with 9"),
        pytest.param("<ul><li><p>a</p></li>\n<li><p>b</p><p>c</p></li></ul>", "* a\n\n* b\n\nc", id="loose list"),
        pytest.param(
            "<ul><li>a<ol><li>b</li><li>c<ul><li>d</li></ul></li></ol></li><li>e</li></ul>",
            "* a\n  1. b\n  2. c\n    * d\n* e",
            id="lists in lists",
        ),
        pytest.param("<li>a<li>b", "* a\n* b", id="items without a list"),
        pytest.param("</ul></ol></li></sup></s>a", "a", id="ends of nothing"),
        pytest.param("<pre><code>a\n  b\n\n\nc\n</code></pre>", "a\n  b\n\n\nc", id="code keeps its lines"),
        pytest.param("<p>x</p>\n<pre>a  b</pre>\n<p>y</p>", "x\n\na  b\n\ny", id="code between paragraphs"),
        pytest.param("<pre>a<br>b</pre>", "a\nb", id="break in code"),
        pytest.param("<pre>a", "a", id="code left open"),
        pytest.param("<pre>\n</pre>a", "a", id="empty code"),
        pytest.param("<ul><li>a<pre>b\n c</pre></li></ul>", "* a\n\nb\n c", id="code in a list"),
        pytest.param("&lt;b&gt; &amp;lt; &quot;&#39;&eacute;&#x41;", "<b> &lt; \"'éA", id="entities, once"),
        pytest.param("<pre>&amp;amp;</pre>&amp;amp;", "&amp;\n\n&amp;", id="entities in code, once"),
        pytest.param("a&nbsp;b\xa0c", "a b c", id="spaces that do not break"),
        pytest.param(
            "<table>\n<thead><tr><th>h</th><th>i</th></tr></thead>\n<tr><td></td><td>2</td></tr></table>",
            "h\ti\n\t2",
            id="table",
        ),
        pytest.param("if a < b and c > d", "if a < b and c > d", id="stray less-than"),
        pytest.param("<p>I <3 it</p>", "I <3 it", id="heart"),
        pytest.param("a<!-- b <p> -->c<!-- -->", "ac", id="comments"),
        pytest.param("a<script>if (b < c) d()</script><style>e{}</style>f", "af", id="scripts and styles"),
        pytest.param("<textarea><b>a</b></textarea>c", "<b>a</b>c", id="what is no markup in a browser"),
        pytest.param("<P>a</P><BR>b<Ul><LI>c", "a\n\nb\n\n* c", id="capitals"),
        pytest.param('<a title="x > y">a</a>', "a", id="greater-than in a value"),
        pytest.param("<a title='it is \"x\" > y'>a</a>", "a", id="single quotes"),
        pytest.param("<a href=u>a</a>", "a", id="no quotes"),
        pytest.param("<unknown-tag x>a</unknown-tag>b", "ab", id="unknown tags leave nothing"),
        pytest.param("a\r\nb\rc<pre>d\r\ne</pre>", "a b c\n\nd\ne", id="line ends of all kinds"),
        pytest.param("a\x01b\x02c\x05d\x0e\x10e\x00f", "abcdef", id="characters that serve as marks"),
        pytest.param("<p>a", "a", id="truncated after a tag"),
        pytest.param("<ol start='x'><li>a", "1. a", id="a start that is no number"),
        pytest.param("<ol start='4'><li>a</ol><ol start=5><li>b", "4. a\n\n5. b", id="starts in all quotes"),
        pytest.param("&#" + "9" * 5000 + ";a&#x" + "f" * 5000 + ";", "\ufffda\ufffd", id="numbers of no character"),
        pytest.param("<p>1<2 and a<b</p>", "1<2 and a", id="a less-than that begins a tag"),
        pytest.param("<span>$a<b$</span> more", "$a more", id="and one that ends late"),
        pytest.param('!<a !/">', "!", id="odd attributes"),
        pytest.param("a<!-->b<!--->c<!-- d --!>e<!x>f<?y>g</ z>h", "abcefgh", id="all that is no text"),
        pytest.param("<pre>    a\n    b</pre><p>x&nbsp;y&#32;</p>", "    a\n    b\n\nx y", id="code keeps its indent"),
        pytest.param("<p>&#32;</p>", "", id="a space by its number"),
    ],
)
def test_text(source: str, text: str) -> None:
    assert to_text(source) == text


INLINE = st.sampled_from(["em", "strong", "code", "a", "sub", "sup", "kbd", "del", "b"])
BLOCK = st.sampled_from(["p", "blockquote", "ul", "ol", "li", "pre", "h2", "div"])
WORDS = st.text(string.ascii_letters + "é語🙂 .,;'\"\n\t-&<>", max_size=20).map(
    lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
)


def element(names: st.SearchStrategy[str], inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    attributes = st.sampled_from(["", ' href="x?a=1&amp;b=2"', ' title="it\'s"', ' class="a b" rel="nofollow"'])
    return st.builds(lambda name, said, text: f"<{name}{said}>{text}</{name}>", names, attributes, inside)


HOSTILE = (
    *("<", "<a ", '<a b="', "<a b='\"' ", "<div>", "<a><b>", "<ul><li>", "<pre>", "&", "<!--", "</p>", "<script>"),
    *("<table><tr><td>", "<font><p>", '<ol start="3">', "<b><i></b></i>", "<textarea>", "</", "<!", "<b a=0><p>x"),
)
PIECE = st.recursive(
    WORDS | st.sampled_from(["<br>", "<hr/>", '<img src="a" alt="b">', "<!-- x -->", "\n\n"]),
    lambda inner: st.lists(element(INLINE, inner) | element(BLOCK, inner) | inner, max_size=4).map("".join),
    max_leaves=20,
)


@given(PIECE)
def test_nothing_is_lost_and_only_white_space_added(source: str) -> None:
    """The oracle is lxml, which reads HTML in another way."""
    expected = lxml.html.fromstring(f"<div>{source}</div>").text_content()
    assert bare(to_text(source, marks=False)) == bare(expected)


@given(PIECE)
def test_marks_are_all_that_differs(source: str) -> None:
    source = re.sub("</?del[^<>]*>", "", source)  # what is struck out goes
    marked, unmarked = to_text(source), to_text(source, marks=False)
    letters = re.compile(r"[\s*.0-9>^]+")
    assert letters.sub("", marked) == letters.sub("", unmarked)


@given(st.text("<>/!-= abp\n", max_size=40))
def test_a_browser_sees_the_same_letters(source: str) -> None:
    """The oracle is lexbor. Names that hold a `<` or `=` are left out: trees of these are of no use to a reader."""
    body = LexborHTMLParser(f"<body>{source}").body
    assert bare(to_text(source, marks=False)) == bare(body.text() if body else "")


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_html_takes_time_by_its_length(unit: str) -> None:
    """What takes time by the square of it would not end."""
    assert len(to_text(unit * (1_000_000 // len(unit)) + "<")) <= 3_000_000


@given(st.text("<>/!-=\"' abpreulio&;#x0\n\x01\x05", max_size=60))
def test_no_input_breaks_it(source: str) -> None:
    text = to_text(source)
    assert text == text.rstrip()
    assert not set(text) & set("\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12\x13\x14\x15")
