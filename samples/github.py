"""Files of repositories as BigQuery exports them, joined with their licences: generated code, and what is no such.

Repositories have licences in turn (`LICENSES`): known ones, and none, where a file LICENSE tells which it is, has terms
of its own, or is not there. A third of them has a fork, in which most files are the same; some files are vendored, the
same in many. Each has, in turn, some of the kinds of `ODD`: files that a filter looks for, or that have no text.

The files of `github/joined` are Parquet (in one row group, and in several), JSON lines (as BigQuery writes them, with
numbers as strings and no nulls; and with both, in several gzip members), and Avro. These have something of their own:

    BROKEN_ROWS         a line that is cut in half, a text that is a number, a row without a path, one that is no UTF-8,
                        and, good, one without a text
    TRUNCATED_JSONL     cut off within its only gzip member
    TRUNCATED_PARQUET   cut off before its footer, so that no row comes
    TRUNCATED_AVRO      cut off within its last block
    EMPTY               an empty file
    PLAIN               good: JSON lines that are not compressed, whatever the name says

The same seed and scale give the same rows anywhere; libraries may pack them otherwise in another version.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

from ..formats.github import blob_id
from .code import LANGUAGES, Code, Project

Row = dict[str, Any]

#: What a repository's row in `licenses` says, what its files say, and its file LICENSE: a template, or none.
LICENSES: Final = (
    ("mit", "mit", "terms"),
    ("apache-2.0", "apache-2.0", "terms"),
    ("bsd-3-clause", "bsd-3-clause", "terms"),
    ("gpl-3.0", "gpl-3.0", "terms"),
    ("mit", "mit", ""),
    (None, "mit", "terms"),
    ("apache-2.0", "apache-2.0", ""),
    (None, "own", "house_rules"),
    ("bsd-2-clause", "bsd-2-clause", "terms"),
    (None, "mit", ""),
    (None, "apache-2.0", "spdx"),
)
REPOSITORIES, FILES = 22, 15  # at scale 1, forks aside; plain files of each
VENDORED: Final = "third_party/pad-left.js"
SCHEMA: Final = pa.schema({
    "id": pa.string(), "repo_name": pa.string(), "ref": pa.string(), "path": pa.string(), "mode": pa.int64(),
    "license": pa.string(), "size": pa.int64(), "binary": pa.bool_(), "content": pa.string(), "copies": pa.int64(),
    "symlink_target": pa.string(),
})  # fmt: skip

_OF_CONTENTS = ("id", "size", "content", "binary", "copies")
_OF_FILES = ("id", "repo_name", "ref", "path", "mode", "symlink_target")
_NAMES = [f"github-{number:012d}.{ending}" for number, ending in enumerate(
    ("parquet", "parquet", "jsonl.gz", "jsonl.gz", "avro",
     "jsonl.gz", "jsonl.gz", "parquet", "avro", "jsonl.gz", "jsonl.gz")
)]  # fmt: skip
GOOD = tuple(_NAMES[:5])
BROKEN_ROWS, TRUNCATED_JSONL, TRUNCATED_PARQUET, TRUNCATED_AVRO, EMPTY, PLAIN = _NAMES[5:]
_SHARES = (0.35, 0.25, 0.2, 0.1, 0.1)  # of the rows, for each of the good files

#: How often each kind of damage occurs in each damaged file, in the words of `formats/github.py`, at any scale.
DAMAGE: Mapping[str, Mapping[str, int]] = MappingProxyType({
    BROKEN_ROWS: {"bad_json": 1, "bad_row": 2, "bad_utf8": 1},
    TRUNCATED_JSONL: {"truncated": 1},
    TRUNCATED_PARQUET: {"truncated": 1},
    TRUNCATED_AVRO: {"truncated": 1},
    EMPTY: {"empty_file": 1},
})  # fmt: skip


def write(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write the export into `folder`/github/joined, and return its files."""
    root = folder / "github" / "joined"
    root.mkdir(parents=True, exist_ok=True)
    contents = dict(zip(GOOD, map(_pack, GOOD, _shares(rows(seed, scale))), strict=True))
    for number, name in enumerate(_NAMES[len(GOOD) :]):
        contents[name] = _special_file(name, _with_copies(_repository(seed, 1000 + number, 12))[:12])
    for name, data in contents.items():
        (root / name).write_bytes(data)
    return [root / name for name in contents]


def write_tables(folder: Path, seed: int, scale: float) -> list[Path]:
    """The same rows as BigQuery's three tables, in `folder`/github/tables; each has a row that cannot be used."""
    root = folder / "github" / "tables"
    root.mkdir(parents=True, exist_ok=True)
    written = []
    for name, lines in to_tables(rows(seed, scale), 2).items():
        written.append(root / f"{name}.jsonl.gz")
        useless = {"id": 7} if name == "contents-0" else {"path": "lost.c"} if name == "files-0" else {"license": "mit"}
        bad = [useless] if name.endswith("-0") else []
        written[-1].write_bytes(_member("".join(json.dumps(line) + "\n" for line in [*lines, *bad]).encode()))
    return written


def to_tables(found: Sequence[Row], n_files: int) -> dict[str, list[Row]]:
    """The rows of a joined export as those of the tables `contents`, `files` and `licenses`, each in several files."""
    tables: dict[str, list[Row]] = {}
    for number in range(n_files):
        part = found[number::n_files]
        contents = {row["id"]: row for row in part if row["content"] is not None or row["binary"]}
        tables[f"contents-{number}"] = [{name: row[name] for name in _OF_CONTENTS} for row in contents.values()]
        tables[f"files-{number}"] = [{name: row[name] for name in _OF_FILES} for row in part]
    licenses = {row["repo_name"]: row["license"] for row in found if row["license"]}
    tables["licenses-0"] = [{"repo_name": repo, "license": name} for repo, name in licenses.items()]
    return tables


def rows(seed: int, scale: float) -> list[Row]:
    """The rows of the good files, in their order, which is that of hashes: an export has no order of its own."""
    n_repositories, n_files = max(len(LICENSES), round(REPOSITORIES * scale)), min(FILES, max(4, round(FILES * scale)))
    found: list[Row] = []
    for number in range(n_repositories):
        own = _repository(seed, number, n_files)
        found += own
        if number % 3 == 0:
            found += _fork(own, _generator(seed, number, "fork"))
    return sorted(
        _with_copies(found), key=lambda row: hashlib.sha256(f"{row['repo_name']} {row['path']}".encode()).digest()
    )


def _shares(found: Sequence[Row]) -> list[Sequence[Row]]:
    ends = [round(sum(_SHARES[: number + 1]) * len(found)) for number in range(len(_SHARES))]
    return [found[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _generator(*key: object) -> random.Random:
    return random.Random("/".join(map(str, key)))  # a string seeds by SHA-512, the same on every machine


# ---- repositories ----------------------------------------------------------------------------------------------------


def _repository(seed: int, number: int, n_files: int) -> list[Row]:
    """The files of one repository, no path twice."""
    code = Code(_generator(seed, number))
    licence, says, template = LICENSES[number % len(LICENSES)]
    project = code.project(says)
    owner = project.author.lower().replace(" ", "")
    repo = f"{owner}-{number}/{project.name}"
    favourite = LANGUAGES[number % len(LANGUAGES)]
    found: dict[str, Row] = {}

    def add(path: str, content: str | None, **fields: Any) -> None:
        found.setdefault(path, _row(repo, path, content, licence, **fields))

    if template == "spdx":
        add("LICENSE", f"SPDX-License-Identifier: Apache-2.0\n\nCopyright {project.year} {project.author}\n")
    elif template:
        add("LICENSE", code.license_text(project, template))
    add("README.md", f"# {project.name}\n\n{code.file('markdown', project, 2)[1]}")
    for place in range(n_files):
        language = favourite if place % 2 else LANGUAGES[(number + place * 5) % len(LANGUAGES)]
        name, text = code.file(language, project, code.random.randrange(3, 11))
        add(code.random.choice(("src/", "lib/", "", "tools/", "tests/")) + name, text)
    if number % 2:
        add(VENDORED, _vendored(seed))
    for kind in range(4):
        path, content, fields = ODD[[*ODD][(number * 4 + kind) % len(ODD)]](code, project)
        add(path, content, **fields)
    return list(found.values())


def _row(repo: str, path: str, content: str | None, licence: str | None, **fields: Any) -> Row:
    data = None if content is None else content.encode()
    name = blob_id(data if data is not None else f"{repo} {path}".encode())
    row = {
        "id": name,
        "repo_name": repo,
        "ref": "refs/heads/master",
        "path": path,
        "mode": 33188,
        "license": licence,
        "size": None if data is None else len(data),
        "binary": False,
        "content": content,
        "copies": 1,
        "symlink_target": None,
    }
    return row | fields


def _with_copies(found: Sequence[Row]) -> list[Row]:
    copies = Counter(row["id"] for row in found)
    return [row | {"copies": copies[row["id"]]} for row in found]


def _fork(own: Iterable[Row], source: random.Random) -> list[Row]:
    """The same files under another owner, one in eight changed."""
    code = Code(source)
    owner = code.author().lower().replace(" ", "")
    found = []
    for row in own:
        repo = f"{owner}/{row['repo_name'].partition('/')[2]}"
        content = row["content"]
        if content and source.random() < 1 / 8:
            changed = _row(repo, row["path"], content + code.fill("\n⟨note⟩\n"), row["license"])
            found.append(row | {name: changed[name] for name in ("id", "repo_name", "size", "content")})
        else:
            found.append(row | {"repo_name": repo})
    return found


def _vendored(seed: int) -> str:
    code = Code(_generator(seed, "vendored"))
    return code.file("javascript", code.project("mit"), 3)[1]


# ---- files that a filter looks for, or that have no text -------------------------------------------------------------


def _minified(code: Code, project: Project) -> tuple[str, str | None, Row]:
    name, text = code.file("javascript", project, 8)
    lines = [line.partition("//")[0].strip() for line in text.split("\n")]
    packed = "".join(line for line in lines if not line.startswith("*")).replace(" = ", "=").replace(", ", ",")
    return f"dist/{name.replace('.js', '.min.js')}", f"/*! {project.name} */{packed}\n", {}


def _source_map(code: Code, project: Project) -> tuple[str, str | None, Row]:
    mappings = ";".join("".join(code.random.choices("ACDEGIKMQSU,", k=40)) for _ in range(30))
    content = json.dumps({"version": 3, "sources": [f"{project.name}.js"], "mappings": mappings})
    return code.fill("dist/⟨noun⟩.js.map"), content, {}


def _generated(code: Code, project: Project) -> tuple[str, str | None, Row]:
    name, text = code.file("go", project, 4)
    return name.replace(".go", ".pb.go"), f"// Code generated by protoc-gen-go. DO NOT EDIT.\n\n{text}", {}


def _long_line(code: Code, project: Project) -> tuple[str, str | None, Row]:
    name, text = code.file("python", project, 6)
    image = base64.b64encode(code.random.randbytes(1200)).decode()
    return name, f'{text}\nICON = "data:image/png;base64,{image}"\n', {}


def _long_lines(code: Code, project: Project) -> tuple[str, str | None, Row]:
    lines = [code.fill("    insert_⟨noun⟩(table, ") + code.fill(", ".join(["⟨n⟩ * limit_of_⟨noun⟩"] * 7)) + ");"]
    lines *= 20
    return code.fill("src/⟨noun⟩_table.c"), "void fill(struct table *table)\n{\n" + "\n".join(lines) + "\n}\n", {}


def _few_alnum(code: Code, project: Project) -> tuple[str, str | None, Row]:
    art = "\n".join("".join(code.random.choices(" .:-=+*#%|/\\", k=60)) for _ in range(40))
    return code.fill("docs/⟨noun⟩.md"), f"{project.name}\n\n{art}\n", {}


def _few_letters(code: Code, project: Project) -> tuple[str, str | None, Row]:
    data = "\n".join("    " + code.fill(", ".join(["⟨n⟩⟨n⟩"] * 12)) + "," for _ in range(60))
    return code.fill("src/⟨noun⟩_data.c"), f"static const int data[] = {{\n{data}\n}};\n", {}


def _wrong_ending(code: Code, project: Project) -> tuple[str, str | None, Row]:
    ending = code.random.choice(("csv", "yaml", "txt", "svg", "lock"))
    content = code.fill("⟨noun⟩: ⟨n⟩\n⟨other⟩: ⟨n⟩\n# ⟨note⟩\n") * 3
    return code.fill(f"data/⟨noun⟩.{ending}"), content, {}


def _json_file(code: Code, project: Project) -> tuple[str, str | None, Row]:
    content = json.dumps({"name": project.name, "version": code.fill("⟨n⟩.⟨n⟩.0"), "private": True}, indent=2)
    return "package.json", content + "\n", {}


def _certificate(code: Code, project: Project) -> tuple[str, str | None, Row]:
    body = base64.encodebytes(code.random.randbytes(600)).decode()
    return "certs/ca.crt", f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n", {}


def _comments_only(code: Code, project: Project) -> tuple[str, str | None, Row]:
    return code.fill("src/⟨noun⟩/__init__.py"), code.fill("# Copyright ⟨n⟩ of ⟨noun⟩\n# ⟨note⟩\n"), {}


def _empty(code: Code, project: Project) -> tuple[str, str | None, Row]:
    return "src/__init__.py", "", {}


def _binary(code: Code, project: Project) -> tuple[str, str | None, Row]:
    return code.fill("docs/⟨noun⟩.png"), None, {"binary": True, "size": code.random.randrange(900, 90_000)}


def _link(code: Code, project: Project) -> tuple[str, str | None, Row]:
    return "docs/current.md", "../README.md", {"symlink_target": "../README.md", "mode": 40960}


def _left_out(code: Code, project: Project) -> tuple[str, str | None, Row]:
    return code.fill("data/all_⟨noun⟩s.sql"), None, {"size": code.random.randrange(1 << 20, 1 << 23)}


def _windows(code: Code, project: Project) -> tuple[str, str | None, Row]:
    name, text = code.file("cpp", project, 3)
    return f"win/{name}", text.replace("\n", "\r\n"), {}


def _foreign(code: Code, project: Project) -> tuple[str, str | None, Row]:
    name, text = code.file("python", project, 3)
    return f"i18n/{name}", f'{text}\n\nGREETINGS = ["Grüße", "Здравствуйте", "こんにちは", "🐟", "a\\0b", "x\0y"]\n', {}


#: Path, text and other columns of an odd file, by what it is. The last two are good code.
ODD: Mapping[str, Callable[[Code, Project], tuple[str, str | None, Row]]] = MappingProxyType({
    "minified": _minified, "source_map": _source_map, "generated": _generated, "long_line": _long_line,
    "long_lines": _long_lines, "few_alnum": _few_alnum, "few_letters": _few_letters, "wrong_ending": _wrong_ending,
    "json": _json_file, "certificate": _certificate, "comments_only": _comments_only, "empty": _empty,
    "binary": _binary, "link": _link, "left_out": _left_out, "windows": _windows, "foreign": _foreign,
})  # fmt: skip


# ---- files of the export ---------------------------------------------------------------------------------------------


def _pack(name: str, found: Sequence[Row]) -> bytes:
    if name.endswith(".parquet"):
        return _parquet(found, len(found) if name == GOOD[0] else 40)
    if name.endswith(".avro"):
        return _avro(found)
    if name == GOOD[3]:
        lines = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in found]
        return b"".join(_member(b"".join(lines[at : at + 20])) for at in range(0, len(lines), 20))
    return _member(b"".join(map(_line, found)))


def _parquet(found: Sequence[Row], group: int) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(found), SCHEMA), stream, row_group_size=group, compression="zstd")
    return stream.getvalue()


def _avro(found: Sequence[Row]) -> bytes:
    stream = io.BytesIO()
    kinds = {pa.string(): "string", pa.int64(): "long", pa.bool_(): "boolean"}
    fields = [{"name": field.name, "type": ["null", kinds[field.type]]} for field in SCHEMA]
    marker = hashlib.md5(found[0]["id"].encode(), usedforsecurity=False).digest()
    fastavro.writer(
        stream,
        {"type": "record", "name": "Root", "fields": fields},
        found,
        codec="deflate",
        sync_interval=8000,
        sync_marker=marker,
    )
    return stream.getvalue()


def _line(row: Row) -> bytes:
    """A row as BigQuery writes it: numbers as strings, no nulls, and what HTML would take for itself escaped."""
    values = {key: str(value) if type(value) is int else value for key, value in row.items() if value is not None}
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode() + b"\n"


def _member(data: bytes) -> bytes:
    """A gzip member whose head is the same everywhere."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    return packed[:9] + b"\x03" + packed[10:]


def _special_file(name: str, found: Sequence[Row]) -> bytes:
    if name == EMPTY:
        return b""
    if name == TRUNCATED_PARQUET:
        return _parquet(found, 4)[:-100]
    if name == TRUNCATED_AVRO:
        return _avro(found)[:-100]
    lines = list(map(_line, found))
    if name == BROKEN_ROWS:
        lines[1] = lines[1][: len(lines[1]) // 2] + b"\n"
        lines[3] = _line(found[3] | {"content": None})[:-2] + b',"content":17}\n'
        lines[5] = _line(found[5] | {"path": None})
        lines[7] = _line(found[7] | {"content": "// café"}).replace("é".encode(), b"\xe9")
        lines[9] = _line(found[9] | {"content": None})
    if name == PLAIN:
        return b"".join(lines)
    packed = _member(b"".join(lines))
    return packed[: len(packed) * 3 // 4] if name == TRUNCATED_JSONL else packed
