"""Which licence a text is: real licence files of this machine and of the samples, and texts that must not pass."""

import gzip
import json
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters.licenses import MAX_CHARS, identify, is_permitted
from running import SHARED

COMMON = Path("/usr/share/common-licenses")
FILES = {
    "MIT": ("urllib3", "LICENSE.txt"),
    "BSD-2-Clause": ("pygments", "LICENSE"),
    "BSD-3-Clause": ("click", "LICENSE.txt"),
    "Apache-2.0": ("requests", "LICENSE"),
    "LGPL-3.0": ("kenlm", "COPYING.LESSER.3"),
    "GPL-3.0": ("kenlm", "COPYING.3"),
    "0BSD": ("numpy", "pythoncapi-compat/COPYING"),
    "Zlib": ("numpy", "libdivide/LICENSE.txt"),
}


def text_of(package, ending):
    """A licence file of an installed package; skips where it is not there."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if str(file).endswith(f"/{ending}") and Path(file.locate()).is_file():
            return Path(file.locate()).read_text(encoding="utf-8")
    pytest.skip(f"no {ending} of {package} here")


@pytest.mark.parametrize("spdx_id", FILES)
def test_texts_of_installed_packages(spdx_id):
    assert identify(text_of(*FILES[spdx_id])) == spdx_id


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Apache-2.0", "Apache-2.0"),
        ("BSD", "BSD-3-Clause"),
        ("CC0-1.0", "CC0-1.0"),
        ("GFDL-1.3", "GFDL-1.3"),
        ("GPL-1", "GPL-1.0"),
        ("GPL-2", "GPL-2.0"),
        ("GPL-3", "GPL-3.0"),
        ("LGPL-2", "LGPL-2.0"),
        ("LGPL-2.1", "LGPL-2.1"),
        ("LGPL-3", "LGPL-3.0"),
        ("MPL-1.1", "MPL-1.1"),
        ("MPL-2.0", "MPL-2.0"),
    ],
)
def test_texts_of_debian(name, expected):
    path = COMMON / name
    if not path.exists():
        pytest.skip("no such text on this system")
    assert identify(path.read_text(encoding="utf-8")) == expected


@pytest.mark.parametrize("package", ["mypy", "numpy", "pyarrow", "sympy", "typing_extensions"])
def test_several_licences_in_a_file_are_none(package):
    ending = {"numpy": "licenses/LICENSE.txt", "pyarrow": "licenses/LICENSE.txt"}.get(package, "licenses/LICENSE")
    assert identify(text_of(package, ending)) is None


def test_what_stands_beside_a_permissive_licence():
    mit = text_of(*FILES["MIT"])
    assert identify(f"The MIT License\n\n{mit}\nSee https://example.org for more.\n") == "MIT"
    for addition in (
        "This text holds for all but gpl/, which is under the GNU General Public License.",
        'The License does not grant to you the right to Sell the Software ("Commons Clause").',
        "For commercial use a different licence is needed.",
        "You may not use this software for military purposes.",
        "Alternatively, you may choose the terms of LGPL-2.1.",
    ):
        assert identify(f"{mit}\n{addition}\n") is None
        assert identify(f"{addition}\n\n{mit}") is None


def test_a_permissive_licence_in_a_copyleft_one_is_none():
    mit = text_of(*FILES["MIT"])
    gpl = text_of(*FILES["GPL-3.0"])
    for text in (f"{gpl}\n{mit}", f"{mit}\n{gpl}", f"{gpl[:20000]}\n{mit}\n{gpl[20000:]}"):
        assert not is_permitted(identify(text))
    bsd = text_of(*FILES["BSD-3-Clause"])
    assert identify(f"{mit}\n{bsd}") is None


@pytest.mark.parametrize("text", ["", "MIT", "See LICENSE.", "All rights reserved.", "a " * MAX_CHARS, "\0\ud800é"])
def test_no_licence_text(text):
    assert identify(text) is None


def rows():
    for path in sorted((SHARED / "data" / "github" / "joined").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from map(json.loads, file)


def test_files_of_repositories():
    """The licence that a repository's file shows is the one that it is listed under, or an unknown one."""
    found = {}
    for row in rows():
        name = row["path"].rpartition("/")[2]
        if name.startswith(("LICENSE", "COPYING")) and row["content"] and not name.startswith(("LICENSE-", "COPYING.")):
            found[row["repo_name"], row["path"]] = identify(row["content"]), row["license"]
    if not found:
        pytest.skip("the shared samples are not here")
    assert {of_file.lower() for of_file, _ in found.values() if of_file} <= {"mit", "isc", "apache-2.0", "bsd-3-clause"}
    assert [key for key, (of_file, listed) in found.items() if of_file and of_file.lower() != listed] == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("mit", True, id="bigquery-mit"),
        pytest.param("bsd-2-clause", True, id="bigquery-bsd-2"),
        pytest.param("bsd-3-clause", True, id="bigquery-bsd-3"),
        pytest.param("apache-2.0", True, id="bigquery-apache"),
        pytest.param("Apache-2.0", True, id="spdx"),
        pytest.param("MIT-0", True, id="family"),
        pytest.param("gpl-2.0", False, id="gpl"),
        pytest.param("isc", False, id="isc-is-not-asked-for"),
        pytest.param("BSD-Protection", False, id="copyleft-with-bsd-in-its-name"),
        pytest.param("MITNFA", False, id="another-family"),
        pytest.param("", False, id="empty"),
        pytest.param(None, False, id="none"),
        pytest.param("other", False, id="other"),
        pytest.param("mit licence of sorts", False, id="no-expression"),
        pytest.param("MIT OR GPL-2.0", True, id="or"),
        pytest.param("GPL-2.0 or MIT", True, id="or-in-small-letters"),
        pytest.param("MIT/Apache-2.0", True, id="cargo"),
        pytest.param("MIT AND GPL-2.0", False, id="and"),
        pytest.param("MIT AND Apache-2.0", True, id="and-of-two-kept"),
        pytest.param("MIT AND (GPL-2.0 OR BSD-3-Clause)", True, id="parentheses"),
        pytest.param("(MIT AND GPL-2.0) OR (GPL-3.0 AND MIT)", False, id="parentheses-or"),
        pytest.param("GPL-2.0 OR MIT AND GPL-3.0", False, id="and-binds-tighter"),
        pytest.param("Apache-2.0 WITH LLVM-exception", True, id="with"),
        pytest.param("GPL-2.0 WITH Classpath-exception-2.0", False, id="gpl-with"),
        pytest.param("MIT AND", False, id="half-an-expression"),
        pytest.param("(MIT", False, id="open-parenthesis"),
        pytest.param("(" * 200 + "MIT" + ")" * 200, True, id="deep"),
        pytest.param("(" * 100_000 + "MIT", False, id="absurdly-long"),
    ],
)
def test_is_permitted(expression, expected):
    assert is_permitted(expression) is expected


def test_kept_and_the_reference():
    assert is_permitted("ISC", kept=("isc",))
    assert is_permitted("CC0-1.0", kept=("CC0-1.0",))
    assert not is_permitted("CC-BY-4.0", kept=("cc0",))
    assert [
        is_permitted(name, compat="redpajama-v1") for name in ("mit", "MIT", "bsd-protection", "gpl-3.0", None)
    ] == [*(True, False, True, False, False)]


TERMS = st.sampled_from(["mit", "Apache-2.0", "GPL-3.0", "Apache-2.0 WITH LLVM-exception", "isc"])
EXPRESSIONS = st.recursive(
    TERMS.map(lambda term: (term, term.lower().startswith(("mit", "apache")))),
    lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(
        lambda parts: (
            f"({parts[0][0]}) {parts[1]} ({parts[2][0]})",
            (all if parts[1] == "AND" else any)((parts[0][1], parts[2][1])),
        )
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_expressions_of_any_depth(expression):
    text, expected = expression
    assert is_permitted(text) is expected


@given(st.text(st.sampled_from("mit()/ andorwiths-\0\1")))
def test_any_text_has_an_answer(text):
    assert is_permitted(text) in (True, False)
    assert not is_permitted(f"\0{text}\0") or "mit" in text
