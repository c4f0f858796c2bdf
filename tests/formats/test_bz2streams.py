import base64
import bz2
import io
import random
import re
import sys
from bisect import bisect_right
from collections.abc import Iterable
from contextlib import suppress
from itertools import accumulate, pairwise

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from corpusmill.formats import bz2blocks
from corpusmill.formats.bz2blocks import READ_BYTES, Blocks, Stop, View, find_magic
from corpusmill.formats.bz2streams import read_streams
from corpusmill.formats.mediawiki import Page, read_pages
from corpusmill.records import Damage

BLOCK, END = 0x314159265359, 0x177245385090
HEAD, FOOT = b'<mediawiki xml:lang="en">\n', b"</mediawiki>\n"


def bits_of(data: bytes) -> str:
    return f"{int.from_bytes(data):0{8 * len(data)}b}"


def bytes_of(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8)


def magics_of(data: bytes) -> list[int]:
    """Where the blocks of one good stream begin, in bits, and last where its end does."""
    return [match.start() for match in re.finditer(f"{BLOCK:048b}|{END:048b}", bits_of(data))]


def blocks_of(data: bytes) -> list[bytes]:
    """What each block of a good stream holds: each put into a stream of its own, the checksum after the magic twice."""
    bits = bits_of(data)
    return [
        bz2.decompress(b"BZh9" + bytes_of(bits[start:stop] + f"{END:048b}" + bits[start + 48 : start + 80]))
        for start, stop in pairwise(magics_of(data))
    ]


def noise(size: int, rng: random.Random) -> str:
    return base64.b64encode(rng.randbytes(size)).decode()


def page(number: int, text: str) -> bytes:
    return (
        f"<page><title>{number}</title><ns>0</ns><id>{number}</id>"
        f"<revision><id>1</id><text>{text}</text></revision></page>\n"
    ).encode()


def read(data: bytes, start: int = 0, stop: int | None = None) -> list[Page | Damage]:
    return list(read_pages(io.BytesIO(data), start, stop))


def read_sliced(data: bytes, cuts: Iterable[int]) -> list[Page | Damage]:
    borders = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    return [found for start, stop in pairwise(borders) for found in read(data, start, stop)]


def ids_of(found: Iterable[Page | Damage]) -> list[int]:
    return [each.id for each in found if isinstance(each, Page)]


def words_of(found: Iterable[Page | Damage]) -> list[str]:
    return [each.error for each in found if isinstance(each, Damage)]


def contents(data: bytes | View) -> list[bytes | str]:
    """What comes out of a file, joined between the words of its damage."""
    joined: list[bytes | str] = [b""]
    for piece in read_streams(data if isinstance(data, View) else View(io.BytesIO(data)), 0, sys.maxsize):
        if isinstance(piece.content, Damage):
            joined += [piece.content.error, b""]
        else:
            joined[-1] += piece.content
    return joined


class Dump:
    """A dump of some streams of some blocks each, and which blocks each page and each byte is in."""

    def __init__(self, seed: int, n_streams: int) -> None:
        rng = random.Random(seed)
        texts = [noise(rng.choice([50, 3000, 30_000, 80_000]), rng) for _ in range(12)]
        xml = HEAD + b"".join(page(number, text) for number, text in enumerate(texts)) + FOOT
        cuts = sorted(rng.sample(range(1, len(xml)), n_streams - 1))
        streams = [bz2.compress(xml[start:stop], 1) for start, stop in pairwise([0, *cuts, len(xml)])]
        self.data = b"".join(streams)
        self.pages = read(xml)
        self.begins = [0, *accumulate(map(len, streams))]
        self.magics = [
            8 * begin + bit for begin, each in zip(self.begins, streams, strict=False) for bit in magics_of(each)
        ]
        ends = list(accumulate(len(block) for each in streams for block in [*blocks_of(each), b""]))
        self.touches = [
            range(bisect_right(ends, match.start()), bisect_right(ends, match.end() - 1) + 1)
            for match in re.finditer(rb"<page>.*?</page>", xml)
        ]

    def at(self, offset: int) -> set[int]:
        """The blocks that a byte touches, the ends of streams counting as blocks of no pages."""
        return {max(0, bisect_right(self.magics, bit) - 1) for bit in (8 * offset, 8 * offset + 7)}


# Blocks


def test_every_block_is_found_and_read_alone() -> None:
    stream = bz2.compress(noise(200_000, random.Random(1)).encode(), 1)
    assert len({magic % 8 for magic in magics_of(stream)}) > 2
    for shift in range(8):
        data = bytes_of("1" * shift + bits_of(stream))
        view = View(io.BytesIO(data))
        found, place = [], 0
        while (magic := find_magic(view, place)) is not None:
            found.append(magic)
            place = magic + 1
        assert found == [shift + magic for magic in magics_of(stream)]
        for number, magic in enumerate(found):
            blocks = Blocks(view, magic, doubtful=True)
            assert b"".join(blocks) == b"".join(blocks_of(stream)[number:])
            assert (blocks.stop is Stop.END) == (number == 0) or shift
            assert blocks.place == -(-(found[-1] + 80) // 8) * 8


def test_a_magic_across_two_reads_is_found() -> None:
    for before in (64, 192, 448, READ_BYTES):
        for bit in range(64, 140):
            data = bytes(before - 16) + bytes_of("0" * bit + f"{BLOCK:048b}")
            view, bit = View(io.BytesIO(data)), bit + 8 * (before - 16)
            assert find_magic(view, 0) == find_magic(view, bit) == bit
            assert find_magic(view, bit + 1) is None
            assert find_magic(view, 8, bit) is None


# What a corrupt block costs


@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])  # shrinking takes minutes
@given(st.integers(0, 10**6), st.integers(1, 3), st.data())
def test_flipped_bytes_cost_the_pages_of_their_blocks_alone(seed: int, n_streams: int, draw: st.DataObject) -> None:
    dump = Dump(seed, n_streams)
    assert ids_of(read(dump.data)) == ids_of(dump.pages)
    hit = draw.draw(st.sampled_from(range(len(dump.magics))))
    first = dump.magics[hit] // 8
    last = (dump.magics[hit + 1] if hit + 1 < len(dump.magics) else 8 * len(dump.data)) // 8
    last = min(last, len(dump.data) - 1)
    near = st.integers(first, min(first + 12, last))  # the magic and the checksum
    flips = draw.draw(st.lists(st.tuples(near | st.integers(first, last), st.integers(1, 255)), min_size=1, max_size=3))
    data = bytearray(dump.data)
    for at, mask in flips:
        data[at] ^= mask
    touched = {block for at, _ in flips for block in dump.at(at)}
    found = read(bytes(data))
    texts = {each.id: each.text for each in dump.pages if isinstance(each, Page)}
    assert all(each.text == texts[each.id] for each in found if isinstance(each, Page))
    assert ids_of(found) == sorted(set(ids_of(found)))
    if bytes(data) == dump.data:
        assert found == read(dump.data)
    elif len(set(ids_of(found))) < len(texts):
        end_too = len(dump.magics) - 1 in touched  # then the file seems to be cut off
        assert "bad_bz2" in words_of(found) or ("truncated" in words_of(found) and end_too)
    whole = [n for n, blocks in enumerate(dump.touches) if not touched & set(blocks)]
    assert set(whole) <= set(ids_of(found))
    assert words_of(found).count("bad_bz2") <= 1
    begins = {begin for begin, after in pairwise(dump.begins) if any(begin <= at < after for at, _ in flips)}
    offsets = {each.offset for each in found if isinstance(each, Damage) and each.error == "bad_bz2"}
    assert offsets <= begins
    assert read_sliced(bytes(data), draw.draw(st.lists(st.integers(0, len(data)), max_size=4))) == found
    assert read_sliced(bytes(data), dump.begins) == found


PHRASE = b"the same words over and over, so that a block is small; "


@pytest.mark.parametrize("feed_bytes", [1 << 14, 100, 3])
def test_small_blocks_around_a_corrupt_one_are_kept(monkeypatch: pytest.MonkeyPatch, feed_bytes: int) -> None:
    """Many blocks go to the decompressor at a time, and it gives none of them when one is corrupt."""
    monkeypatch.setattr(bz2blocks, "_FEED_BYTES", feed_bytes)
    text = PHRASE * 74_000
    stream = bz2.compress(text, 1)
    magics, blocks = magics_of(stream), blocks_of(stream)
    assert len(blocks) > 40 and len(stream) < 14_000
    for number in (0, 20, len(blocks) - 1):
        size = (magics[number + 1] - magics[number]) // 8
        for at in (2, 7, 12, size - 2):  # the magic, the checksum, what follows, the end
            if (number, at) == (0, 2):  # no stream begins here then
                continue
            data = bytearray(stream)
            data[magics[number] // 8 + at] ^= 0x10
            found = contents(bytes(data))
            assert found == [b"".join(blocks[:number]), "bad_bz2", b"".join(blocks[number + 1 :])]


def test_a_corrupt_block_that_seems_to_go_on_to_the_end_of_the_file_is_no_truncated_one() -> None:
    n_going_on = 0
    for seed in range(40):
        stream = bz2.compress(noise(300, random.Random(seed)).encode())
        for at in range(12, magics_of(stream)[1] // 8):
            data = bytearray(stream)
            data[at] ^= 0x10
            decompressor = bz2.BZ2Decompressor()
            with suppress(OSError):
                decompressor.decompress(data)
                n_going_on += not decompressor.eof
                assert decompressor.eof or contents(bytes(data)) == [b"", "bad_bz2", b""]
    assert n_going_on > 5


def test_a_corrupt_end_is_damage_and_loses_nothing() -> None:
    text = PHRASE * 9000
    one, two = bz2.compress(text, 1), bz2.compress(b"two")
    for at in (len(one) - 3, len(one) - 8):  # the checksum of all blocks, the magic
        data = bytearray(one + two)
        data[at] ^= 0x10
        assert contents(bytes(data)) == [text, "bad_bz2", b"two"]
        assert contents(bytes(data[: len(one)])) == [text, "bad_bz2", b""]
    assert contents(one + b"BZh9 junk" + two) == [text, "bad_bz2", b"two"]


def test_a_corrupt_header_is_damage_and_loses_nothing() -> None:
    text = PHRASE * 9000
    one, two = bz2.compress(text, 1), bz2.compress(b"two")
    for at in (0, 1, 2, 3):
        data = bytearray(one + two)
        data[at] ^= 0x40
        assert contents(bytes(data)) == [b"", "bad_bz2", text + b"two"]
        data = bytearray(two + one)
        data[len(two) + at] ^= 0x40
        assert contents(bytes(data)) == [b"two", "bad_bz2", text]
        assert {piece.stream for piece in read_streams(View(io.BytesIO(data)), 0, 1)} == {0}
        assert list(read_streams(View(io.BytesIO(data)), 1, len(data))) == []


def test_each_damaged_region_is_reported_once() -> None:
    stream = bz2.compress(noise(500_000, random.Random(2)).encode(), 1)
    magics, blocks = magics_of(stream), blocks_of(stream)
    data = bytearray(stream)
    for number in (1, 2, 4):
        data[magics[number] // 8 + 50_000] ^= 1
    expected = [blocks[0], "bad_bz2", blocks[3], "bad_bz2", b"".join(blocks[5:])]
    assert contents(bytes(data)) == expected
    cut = magics[6] // 8 + 50_000
    assert contents(bytes(data[:cut])) == [*expected[:4], blocks[5], "truncated", b""]
    assert contents(bytes(data[: magics[5] // 8 + 3])) == [*expected[:4], b""]
    # What is left out of a stream from inside one block to inside another is one region as well.
    gone = bytes(data[: magics[1] // 8 + 999]) + bytes(data[magics[3] // 8 - 999 :])
    assert contents(gone) == expected


def test_a_block_that_comes_in_pieces_goes_on_behind_its_wrong_checksum() -> None:
    blocks = [letter * 5_000_000 for letter in (b"a", b"b", b"c")]
    blocks = blocks_of(bz2.compress(b"".join(blocks), 1))
    stream = bz2.compress(b"".join(blocks), 1)
    assert all(len(block) > 4 << 20 for block in blocks[:2])
    data = bytearray(stream)
    data[magics_of(stream)[1] // 8 + 7] ^= 0x10
    before, word, after = contents(bytes(data))
    assert before.startswith(blocks[0]) and b"".join(blocks[:2]).startswith(before)
    assert (word, after) == ("bad_bz2", b"".join(blocks[2:]))


class Counting(View):
    """Counts what is asked of the file, a byte as well as many."""

    asked = 0

    def at(self, offset: int, size: int) -> bytes:
        data = super().at(offset, size)
        self.asked += len(data)
        return data


def test_what_looks_like_a_block_costs_no_more_than_its_bytes() -> None:
    stream = bz2.compress(noise(300_000, random.Random(3)).encode(), 1)
    magics, blocks = magics_of(stream), blocks_of(stream)
    begins = [bits_of(stream)[magics[2] : magics[2] + size] for size in (48, 300, 4000)]
    for begin in begins:  # each of these might go on for the length of a block
        false = bytes_of((begin + "0000") * (400_000 // len(begin)))
        data = stream[: magics[1] // 8 + 5000] + false + stream[magics[3] // 8 - 5000 :]
        view = Counting(io.BytesIO(data))
        assert contents(view) == [blocks[0], "bad_bz2", b"".join(blocks[3:])]
        assert view.asked < 20 * len(data)
