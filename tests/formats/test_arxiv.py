"""arXiv's tars: papers of every kind, hostile and damaged ones, and the tar reader against Python's own."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from corpusmill.formats import arxiv, tarstream
from corpusmill.formats.arxiv import Limits, Paper, parse_name, read_papers
from corpusmill.formats.bz2blocks import View
from corpusmill.formats.tarstream import TarMember, read_members
from corpusmill.records import Damage
from running import SHARED

ARXIV = SHARED / "data" / "arxiv"
TEX = b"\\documentclass{article}\\begin{document}\\section{A} Text.\\end{document}\n"
BLOCK = 512
Member = tuple[str | tarfile.TarInfo, bytes]


def tar(members: list[Member] | Mapping[str, bytes], layout: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar of members, which are names or whole headers, and contents."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=layout) as packed:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(content) if info.isreg() else 0
            packed.addfile(info, io.BytesIO(content))
    return file.getvalue()


def paper(files: Mapping[str, bytes] | list[Member] | bytes = TEX, level: int = 6) -> bytes:
    """A paper as arXiv packs it: one file, or a project."""
    return gzip.compress(files if isinstance(files, bytes) else tar(files), level, mtime=0)


def link(name: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def header(name: bytes, size: int | bytes = 0, kind: bytes = b"0", magic: bytes = b"ustar\x0000") -> bytes:
    """A header as given, with the right checksum."""
    field = b"%011o\0" % size if isinstance(size, int) else size
    block = bytearray(BLOCK)
    block[: len(name)], block[100:108], block[124:136] = name, b"0000644\0", field
    block[136:148], block[148:156], block[156:157], block[257:265] = b"%011o\0" % 0, b" " * 8, kind, magic
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def read(data: bytes, **limits: int) -> list[Paper | Damage]:
    return list(read_papers(io.BytesIO(data), Limits(**limits)))


def brief(found: list[Paper | Damage]) -> list[str]:
    """Papers by their ids, damage by its word."""
    return [each.id if isinstance(each, Paper) else each.error for each in found]


def files_of(files: list[Member] | Mapping[str, bytes] | bytes, **limits: int) -> dict[str, bytes]:
    (found,) = read(tar({"1507/1507.00001.gz": paper(files)}), **limits)
    assert isinstance(found, Paper)
    return dict(found.files)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("1507/1507.00348.gz", ("1507.00348", 0, "gz"), id="five-digits"),
        pytest.param("0704/0704.0001.gz", ("0704.0001", 0, "gz"), id="four-digits"),
        pytest.param("1507/1507.00348v12.gz", ("1507.00348", 12, "gz"), id="version"),
        pytest.param("0001/astro-ph0001001.gz", ("astro-ph/0001001", 0, "gz"), id="old"),
        pytest.param("0001/math.AG0001001v2.pdf", ("math/0001001", 2, "pdf"), id="old-with-subject"),
        pytest.param("9901/q-alg9901001.tar.gz", ("q-alg/9901001", 0, "tar.gz"), id="two-endings"),
        pytest.param("1507.00348v0.gz", None, id="no-version-0"),
        pytest.param("1507.003481.gz", None, id="six-digits"),
        pytest.param("1507/README", None, id="no-id"),
        pytest.param("1507/1507.00348", None, id="no-ending"),
        pytest.param("", None, id="empty"),
    ],
)
def test_names(name: str, expected: object) -> None:
    assert parse_name(name) == expected


@pytest.mark.parametrize(
    ("content", "kind", "n_files"),
    [
        pytest.param(TEX, "tex", 1, id="one-file"),
        pytest.param(tar({"ms.tex": TEX}), "project", 1, id="project"),
        pytest.param(tar([]), "other", 0, id="tar-of-nothing"),
        pytest.param(b"%auto-ignore\nThis paper has been withdrawn.\n", "withdrawn", 0, id="withdrawn"),
        pytest.param(b"%PDF-1.4\n", "pdf", 0, id="pdf"),
        pytest.param(b"%!PS-Adobe-2.0\n", "ps", 0, id="postscript"),
        pytest.param(b"\n<!DOCTYPE html><html>", "html", 0, id="html"),
        pytest.param(b"PK\x03\x04\0\0", "other", 0, id="zip"),
        pytest.param(TEX.decode().encode("utf-16"), "tex", 1, id="utf-16"),
        pytest.param(b"", "tex", 1, id="empty"),
    ],
)
def test_kinds(content: bytes, kind: str, n_files: int) -> None:
    (found,) = read(tar({"1507/1507.00001v3.gz": paper(content)}))
    assert isinstance(found, Paper)
    assert (found.kind, len(found.files), found.version) == (kind, n_files, 3)


def test_a_tar_of_all_kinds() -> None:
    info = tarfile.TarInfo("0001/hep-th0001001v2.gz")
    info.mtime = 946_684_800
    folder = tarfile.TarInfo("0001")
    folder.type = tarfile.DIRTYPE
    data = tar([(folder, b""), (info, paper()), ("0001/hep-th0001002.pdf", b"%PDF-"), ("README", b"")])
    first, second, third = read(data)
    assert first == Paper("hep-th/0001001", 2, "2000-01-01T00:00:00Z", "tex", {"hep-th0001001.tex": TEX}, BLOCK)
    assert isinstance(second, Paper) and (second.id, second.kind, second.files) == ("hep-th/0001002", "pdf", {})
    assert isinstance(third, Damage) and third.error == "bad_name" and "README" in third.detail


# ---- projects --------------------------------------------------------------------------------------------------------


def test_text_files_of_a_project_in_its_order() -> None:
    kept = {"b/ms.tex": TEX, "A.LTX": b"a", "ms.bbl": b"b", "own.sty": b"c", "00README.XXX": b"d", "chapter": b"e"}
    left_out = {
        "fig.eps": b"%!PS",
        "fig.pdf": b"%PDF",
        "._ms.tex": b"\0",
        "inner.tar": tar({"x.tex": TEX}),
        "bin": b"\0",
    }
    assert list(files_of({**left_out, **kept}).items()) == list(kept.items())


@pytest.mark.parametrize(
    ("name", "path"),
    [
        pytest.param("./ms.tex", "ms.tex", id="dot"),
        pytest.param("/home/me/ms.tex", "home/me/ms.tex", id="absolute"),
        pytest.param("a/../ms.tex", "ms.tex", id="back-within"),
        pytest.param("a\\ms.tex", "a/ms.tex", id="backslash"),
        pytest.param("résumé.tex", "résumé.tex", id="utf-8"),
        pytest.param("a" * 200 + ".tex", "a" * 200 + ".tex", id="long"),
    ],
)
@pytest.mark.parametrize("layout", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_paths(name: str, path: str, layout: int) -> None:
    assert files_of(gzip.decompress(gzip.compress(tar([(name, TEX)], layout)))) == {path: TEX}


@pytest.mark.parametrize(
    ("member", "word"),
    [
        pytest.param(("../../etc/passwd.tex", b"x"), "unsafe_path", id="leads-out"),
        pytest.param(("a/../../x.tex", b"x"), "unsafe_path", id="leads-out-later"),
        pytest.param(("/../x.tex", b"x"), "unsafe_path", id="leads-out-from-the-root"),
        pytest.param((link("ms2.tex"), b""), "not_a_file", id="symbolic-link"),
        pytest.param((link("ms2.tex", tarfile.LNKTYPE), b""), "not_a_file", id="hard-link"),
        pytest.param((link("ms2.tex", tarfile.CHRTYPE), b""), "not_a_file", id="device"),
        pytest.param((link("ms2.tex", tarfile.FIFOTYPE), b""), "not_a_file", id="pipe"),
    ],
)
def test_hostile_members_are_left_out(member: Member, word: str) -> None:
    data = tar({"1507/1507.00001.gz": paper([("a.tex", TEX), member, ("b.tex", TEX)]), "1507/1507.00002.gz": paper()})
    damage, first, second = read(data)
    assert isinstance(damage, Damage) and (damage.offset, damage.error) == (0, word)
    assert isinstance(first, Paper) and list(first.files) == ["a.tex", "b.tex"]
    assert isinstance(second, Paper)


def test_of_members_with_the_same_name_the_last_counts() -> None:
    assert files_of([("a.tex", b"1"), ("b.tex", b"2"), ("./a.tex", b"3")]) == {"b.tex": b"2", "a.tex": b"3"}


def test_a_name_in_latin_1_and_a_member_of_the_oldest_format() -> None:
    old = header(b"r\xe9sum\xe9.tex", 4, b"\0", magic=bytes(8)) + padded(b"text")
    assert files_of(old + bytes(1024)) == {"résumé.tex": b"text"}


def test_a_project_without_the_end_of_its_tar() -> None:
    assert files_of(header(b"a.tex", 4) + padded(b"text")) == {"a.tex": b"text"}
    assert files_of(header(b"a.tex", 4) + b"text") == {"a.tex": b"text"}


def test_what_stands_behind_the_end_of_a_projects_tar() -> None:
    assert files_of(tar({"a.tex": TEX}) + b"garbage" * 100) == {"a.tex": TEX}


@pytest.mark.parametrize(
    ("content", "word"),
    [
        pytest.param(header(b"a.tex", 4000) + b"text", "bad_tar", id="cut-within-a-member"),
        pytest.param(header(b"a.tex", 4) + padded(b"text") + b"x" * BLOCK, "bad_tar", id="no-header"),
        pytest.param(header(b"a.tex", b"x" * 12) + bytes(1024), "bad_tar", id="size-that-is-no-number"),
        pytest.param(header(b"a.tex", b"\xff" * 12) + bytes(1024), "bad_tar", id="negative-size"),
        pytest.param(header(b"a.tex", b"\x80" + b"\xff" * 11) + bytes(1024), "bad_tar", id="size-beyond-all-bounds"),
        pytest.param(header(b"a.tex", b"\x80" + b"\0" * 6 + b"\1" * 5) + bytes(1024), "bad_tar", id="size-of-4-gb"),
        pytest.param(header(b"././@LongLink", 1 << 30, b"L"), "bad_tar", id="name-of-1-gb"),
        pytest.param(header(b"x", 1 << 30, b"x"), "bad_tar", id="pax-records-of-1-gb"),
        pytest.param(header(b"x", 9, b"x") + padded(b"999 a=b\n"), "bad_tar", id="pax-record-that-is-too-long"),
        pytest.param(header(b"x", 9, b"x") + padded(b"junk junk"), "bad_tar", id="pax-records-that-are-none"),
        pytest.param(header(b"a.tex", 4, b"S") + padded(b"text") + bytes(1024), "bad_tar", id="sparse"),
    ],
)
def test_broken_projects(content: bytes, word: str) -> None:
    data = tar({"1507/1507.00001.gz": paper(), "1507/1507.00002.gz": paper(content), "1507/1507.00003.gz": paper()})
    found = read(data)
    assert brief(found) == ["1507.00001", word, "1507.00003"]
    assert isinstance(found[1], Damage) and found[1].offset == 1024 and "1507.00002" in found[1].detail


# ---- limits ----------------------------------------------------------------------------------------------------------


def test_limits() -> None:
    many = {f"{number}.tex": b"" for number in range(50)}
    data = tar({
        "1507/1507.00001.gz": paper(b"a" * 10_000_000),
        "1507/1507.00002.gz": paper({"a.tex": b"a" * 600, "b.tex": b"b" * 600}),
        "1507/1507.00003.gz": paper({"fig.eps": b"a" * 10_000_000, "a.tex": b"a"}),
        "1507/1507.00004.gz": paper(many),
        "1507/1507.00005.gz": paper({"fig.eps": b"a" * 900_000, "a.tex": b"a"}),
    })  # fmt: skip
    found = read(data, text_bytes=1000, unpacked_bytes=1_000_000, members=40)
    assert brief(found) == ["too_large", "too_large", "too_large", "too_many_members", "1507.00005"]


@pytest.mark.parametrize("name", ["a.tex", "a.eps"])
def test_memory_does_not_follow_what_a_bomb_unpacks_to(name: str) -> None:
    def peak(size: int) -> int:
        data = tar({"1507/1507.00001.gz": paper({name: bytes(size), "b.tex": TEX}, level=9)})
        tracemalloc.start()
        found = read(data, text_bytes=1 << 20)
        peak_bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert brief(found) == (["too_large"] if name == "a.tex" else ["1507.00001"])
        return peak_bytes

    assert peak(64 << 20) < 6 << 20


# ---- damage ----------------------------------------------------------------------------------------------------------

PAPERS = {
    f"1507/1507.{number:05d}.gz": paper({"ms.tex": TEX * number, "b.tex": b"%d" % number}) for number in range(1, 6)
}
GOOD = tar(PAPERS)
IDS = [name[5:15] for name in PAPERS]
STARTS = [found.offset for found in read_members(View(io.BytesIO(GOOD))) if isinstance(found, TarMember)]
ENDS = [*STARTS[1:], STARTS[-1] + 512 + len(padded([*PAPERS.values()][-1]))]


def test_an_empty_file_and_what_is_no_tar() -> None:
    assert brief(read(b"")) == ["empty_file"]
    assert brief(read(b"no tar" * 1000)) == ["not_tar"]
    assert brief(read(gzip.compress(GOOD))) == ["not_tar"]
    assert brief(read(bytes(10240))) == []


@pytest.mark.parametrize("end", range(0, len(GOOD), 97))
def test_cut_off_anywhere(end: int) -> None:
    whole = [name for name, stop in zip(IDS, ENDS, strict=True) if stop <= end]
    found = brief(read(GOOD[:end]))
    assert found[: len(whole)] == whole
    if 0 < end < ENDS[-1]:
        assert found[-1] == ("not_tar" if end < BLOCK else "truncated")
        assert set(found[len(whole) : -1]) <= set(IDS)  # cut within the zeros that fill up a member


@given(place=st.integers(0, ENDS[-1] - 1), junk=st.binary(min_size=1, max_size=700), cut=st.integers(0, 700))
def test_bytes_that_change_come_or_go_cost_no_other_paper(place: int, junk: bytes, cut: int) -> None:
    data = GOOD[:place] + junk + GOOD[place + cut :]
    assume(data != GOOD)
    untouched = [
        name for name, start, stop in zip(IDS, STARTS, ENDS, strict=True) if stop <= place or start >= place + cut
    ]
    found = read(data)
    papers = {each.id: each for each in found if isinstance(each, Paper)}
    for number, name in enumerate(IDS, 1):
        if name in untouched:
            assert papers[name].files == {"ms.tex": TEX * number, "b.tex": b"%d" % number}


@given(st.binary(max_size=2000), st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=20))
def test_any_bytes(tail: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD[:4096] + tail)
    for place, value in changes:
        data[place % len(data)] = value
    read(bytes(data))
    read(tar({"1507/1507.00001.gz": paper(bytes(data))}))
    read(tar({"1507/1507.00001.gz": bytes(data)}))


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        pytest.param(lambda good: good[:-9], "truncated", id="end-missing"),
        pytest.param(lambda good: good[:-8] + b"\0\0\0\0" + good[-4:], "bad_crc", id="checksum"),
        pytest.param(lambda good: good[:10] + b"\xff" * 40 + good[50:], "bad_gzip", id="does-not-inflate"),
        pytest.param(lambda good: TEX, "bad_gzip", id="not-packed-at-all"),
        pytest.param(lambda good: b"", "truncated", id="no-bytes"),
        pytest.param(lambda good: good + good, "1507.00001", id="two-gzip-members"),
        pytest.param(lambda good: good + b"garbage", "1507.00001", id="garbage-behind-it"),
    ],
)
def test_broken_gzip(damage: Callable[[bytes], bytes], expected: str) -> None:
    data = tar({"1507/1507.00001.gz": damage(paper()), "1507/1507.00002.gz": paper()})
    assert brief(read(data)) == [expected, "1507.00002"]


def test_sizes_that_lie() -> None:
    names, contents = [*PAPERS], [*PAPERS.values()]
    parts = [header(name.encode(), len(content)) + padded(content) for name, content in PAPERS.items()]
    good = b"".join(parts) + bytes(1024)
    assert brief(read(good)) == IDS
    small = header(names[1].encode(), 20) + padded(contents[1])
    assert brief(read(b"".join([parts[0], small, *parts[2:]]) + bytes(1024)))[:2] == [IDS[0], "truncated"]
    assert brief(read(b"".join([parts[0], small, *parts[2:]]) + bytes(1024)))[-3:] == IDS[2:]
    for size in (len(padded(contents[1])) + 100, 1 << 20, (8 << 30) - 1):
        large = header(names[1].encode(), size) + padded(contents[1])
        found = read(b"".join([parts[0], large, *parts[2:]]) + bytes(1024))
        assert brief(found) == [*IDS[:2], "bad_size", *IDS[2:]]
        assert isinstance(found[2], Damage) and found[2].offset == STARTS[1]


def test_two_tars_one_behind_the_other() -> None:
    assert brief(read(GOOD + tar({"1507/1507.00009.gz": paper()}))) == [*IDS, "1507.00009"]


def test_a_block_of_zeros_in_place_of_a_header() -> None:
    data = GOOD[: STARTS[2]] + bytes(BLOCK) + GOOD[STARTS[2] + BLOCK :]
    assert brief(read(data)) == [*IDS[:2], "bad_header", *IDS[3:]]


# ---- the tar reader --------------------------------------------------------------------------------------------------


class Counting:
    """Bytes that count how often they are asked for, and of how many."""

    def __init__(self, data: bytes) -> None:
        self.data, self.n_bytes = data, 0

    def at(self, offset: int, size: int) -> bytes:
        self.n_bytes += len(self.data[offset : offset + size])
        return self.data[offset : offset + size]


HOSTILE = {
    "ustar": lambda n: b"ustar" * (100 * n),
    "headers-with-sizes-beyond-the-end": lambda n: header(b"1507.00001.gz", (8 << 30) - 1) * n,
    "extended-headers": lambda n: header(b"x", 0, b"x") * n + b"x" * BLOCK,
    "global-headers": lambda n: header(b"x", 0, b"g") * n,
    "long-names": lambda n: (header(b"L", 4, b"L") + padded(b"name")) * n + b"x" * BLOCK,
    "sparse-maps": lambda n: header(b"x", 0, b"S")[:482].ljust(BLOCK, b"\1") + b"\1" * (BLOCK * n),
    "bad-sizes": lambda n: header(b"x", b"x" * 12) * n,
    "garbage-behind-members": lambda n: (header(b"x", 512) + b"y" * 512 + b"z" * 512) * n,
    "zeros-and-garbage": lambda n: (bytes(BLOCK) + b"z" * BLOCK) * n + header(b"x"),
    "zeros": lambda n: bytes(BLOCK * n),
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_hostile_tars_take_linear_work(shape: str) -> None:
    def work(n: int) -> float:
        source = Counting(HOSTILE[shape](n))
        found = list(read_members(source))
        assert len(found) <= 2 * n + 2
        return source.n_bytes

    assert work(800) < 2.3 * work(400) + 300_000


INFO = st.builds(
    lambda name, content, mtime, kind: (name, content, mtime, kind),
    st.text(st.sampled_from("ab/.é_ \\日"), min_size=1, max_size=300).filter(
        lambda name: name.strip("/") and not name.endswith("/")
    ),
    st.binary(max_size=1500),
    st.integers(0, 2**31),
    st.sampled_from([tarfile.REGTYPE, tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE]),
)


@given(st.lists(INFO, max_size=6), st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
def test_members_are_those_that_pythons_tarfile_finds(infos: list[tuple[str, bytes, int, bytes]], layout: int) -> None:
    members: list[Member] = []
    for name, content, mtime, kind in infos:
        info = tarfile.TarInfo(name)
        info.mtime, info.type, info.linkname = mtime, kind, "target"
        members.append((info, content))
    data = tar(members, layout)
    found = list(read_members(View(io.BytesIO(data))))
    kinds = {"file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "other": tarfile.SYMTYPE}
    with tarfile.open(fileobj=io.BytesIO(data)) as oracle:
        expected = [(each.name, each.mtime, each.type, each.offset_data, each.size) for each in oracle]
    assert [
        (each.name.rstrip("/"), each.mtime, kinds[each.kind], each.start, each.size)
        for each in found
        if isinstance(each, TarMember)
    ] == expected
    assert len(found) == len(expected)


@pytest.mark.skipif(not ARXIV.exists(), reason="needs the samples in shared/")
def test_real_tars() -> None:
    n_papers = Counter[str]()
    for path in sorted(ARXIV.glob("*.tar")):
        with path.open("rb") as file:
            papers = list(read_papers(file))
        with tarfile.open(path) as outer:
            for found, member in zip(papers, outer, strict=True):
                assert isinstance(found, Paper) and found.offset == member.offset
                n_papers[found.kind] += 1
                content = outer.extractfile(member).read()
                if found.kind == "tex":
                    assert [*found.files.values()] == [gzip.decompress(content)]
                elif found.kind == "project":
                    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as project:
                        expected = {
                            str(PurePosixPath(each.name)): project.extractfile(each).read()
                            for each in project
                            if each.isfile() and each.name.endswith((".tex", ".bbl", ".sty", ".cls", ".txt"))
                        }
                    assert found.files == expected
    assert n_papers == {"tex": 9, "project": 18, "pdf": 5}


def test_words_are_documented() -> None:
    described = (arxiv.__doc__ or "") + (tarstream.__doc__ or "")
    words = {"bad_name", "bad_gzip", "bad_crc", "truncated", "bad_tar", "too_large", "too_many_members", "unsafe_path"}
    assert all(word in described for word in words | {"not_a_file", "empty_file", "not_tar", "bad_header", "bad_size"})
