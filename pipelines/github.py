"""GitHub, 4.5 % of the mixture.   Source: LLaMA (2023) section 2.1, "Github"; RedPajama v1 for what it leaves open.

BigQuery's copy of GitHub: only projects under the Apache, BSD and MIT licences; of files with the same content one
stays; boilerplate such as headers is removed; and files of low quality go by heuristics on the length of their lines
and the share of letters and digits. The paper gives no numbers: they are RedPajama's. `mixtures/sources.py` has the
switches, and `pipelines/github.sql` makes the export.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from urllib.parse import quote

import numpy as np
import xxhash

from ..errors import ShardError, UsageError
from ..filters.github import GithubRules, measure, reason_by_measures, reason_by_name, without_header
from ..filters.licenses import is_permitted
from ..formats.github import FileRow, kind_of, read_rows, row_ranges
from ..formats.github_places import read_contents
from ..formats.tables import open_table
from ..mixtures.sources import GithubRecipe
from ..models.repositories import open_licenses, open_places
from ..records import Damage, Document, Dropped, Reason
from ..storage import MIB, Input, open_read
from ..tokenizer.encode import Tokenizer
from .source import Aids, Basis, Exchange, Function, Keys, Slice, Source, Step, Wanted, drop, stem_of, step

# Names of what the steps use: `repositories.py` makes the first two.
LICENSES, PLACES, TOKENIZER = "licences", "places", "tokenizer"
FILES, TABLE_OF_LICENSES, CONTENTS = "files", "licenses", "contents"  # kinds of slices; a joined export has none
COPIES = "contents"  # the exchange
LOW = 0xFFFF_FFFF_FFFF_FFFF
HEADS = "refs/heads/"


def steps(recipe: GithubRecipe, aids: Aids) -> tuple[Step, ...]:
    rules = rules_of(recipe)
    return (
        step(
            "drop what is no text",
            drop_absent,
            Basis.REFERENCE,
            note="binary files, links, and files whose content the export leaves out (RedPajama: content not null)",
        ),
        step(
            "keep the licences",
            keep_licenses(recipe, aids),
            Basis.PAPER,
            note=f"{', '.join(recipe.licenses)}, as BigQuery or SPDX names them, expressions too; "
            + (
                "without one the repository's LICENSE decides (ours)" if recipe.license_texts else "without one it goes"
            ),
            uses=(LICENSES,) if recipe.license_texts else (),
            decides={"licenses": recipe.licenses, "compat": recipe.compat},
        ),
        step(
            "keep the kinds of files",
            keep_kinds(rules, recipe.compat),
            Basis.REFERENCE,
            note=f"{len(rules.endings)} endings (RedPajama), no licence texts and certificates"
            + ("" if recipe.compat else "; no minified files and source maps (ours)"),
            decides={"endings": rules.endings, "compat": recipe.compat},
        ),
        *copy_steps(recipe, aids),
        step(
            "remove headers",
            remove_headers(recipe.compat),
            Basis.PAPER,
            note="as RedPajama does: the first C comment if it speaks of copyright, or all comment lines at the top"
            if recipe.compat
            else "comments at the top that speak of licence or copyright, by each language's syntax; shebangs, "
            "includes, titles and documentation stay (ours); files that say a program wrote them go (ours)",
            decides={"compat": recipe.compat},
            lines=lambda file: header_lines(file, recipe.compat),
        ),
        step(
            "keep by lines and letters",
            keep_by_measures(rules, recipe.compat),
            Basis.PAPER,
            note=f"lines of {rules.max_line_chars} characters at most, {rules.max_avg_line_chars:g} on average, "
            f"{100 * rules.min_alnum_frac:g} % letters and digits (RedPajama); the paper gives no numbers",
            decides={"rules": dataclasses.asdict(dataclasses.replace(rules, endings=()))},
        ),
        *token_steps(recipe, aids),
    )


def copy_steps(recipe: GithubRecipe, aids: Aids) -> tuple[Step, ...]:
    if recipe.duplicates == "keep":
        return ()
    return (
        Step(
            "one file a content",
            keep_one_copy(aids),
            Basis.PAPER,
            note="the same bytes, before the header goes; of those whose licence and name pass the one with the "
            "smallest hash of repository and path stays (RedPajama: the first, before it looks at names)",
            version=2,
            exchange=copies_of_files(),
        ),
    )


def token_steps(recipe: GithubRecipe, aids: Aids) -> tuple[Step, ...]:
    if not recipe.tokenizer:
        return ()
    note = f"{recipe.min_letters_per_token:g} letters for each token of {recipe.tokenizer} at least (RedPajama)"
    judge = keep_by_tokens(recipe.min_letters_per_token, aids)
    decides = {"min": recipe.min_letters_per_token}
    return (step("keep by letters a token", judge, Basis.REFERENCE, note, uses=(TOKENIZER,), decides=decides),)


def made(recipe: GithubRecipe) -> list[tuple[str, str]]:
    """What is learnt of all files before the steps run."""
    rows = []
    if recipe.license_texts:
        note = "of repositories for which none is given, by all LICENSE and COPYING files at their root together"
        rows.append(("recognise licences", note))
    note = (
        "only of exports whose tables come apart: a content is read at one place, with a licence that is kept if it "
        "has one, then the smallest hash of its name; where no place has a known licence, no other place is tried"
    )
    return [*rows, ("find a place for each content", note)]


def left_out(recipe: GithubRecipe) -> list[str]:
    """The steps of the paper that the recipe leaves out."""
    return ["one file a content"] if recipe.duplicates == "keep" else []


def rules_of(recipe: GithubRecipe) -> GithubRules:
    """The thresholds of the rules for files."""
    names = [field.name for field in dataclasses.fields(GithubRules)]
    return GithubRules(**{name: getattr(recipe, name) for name in names})


def drop_absent(file: Document) -> Document | Dropped:
    absent = file.meta["absent"]
    if absent:
        return drop(file, Reason.GITHUB_BINARY, detail=absent)
    return dataclasses.replace(file, meta={name: value for name, value in file.meta.items() if name != "absent"})


def keep_licenses(recipe: GithubRecipe, aids: Aids) -> Callable[[Document], Document | Dropped]:
    def judge(file: Document) -> Document | Dropped:
        license_ = file.meta["license"]
        if not license_ and recipe.license_texts:
            [license_] = open_licenses(aids.models[LICENSES]).of([file.meta["repo"]])
        if not license_:
            return drop(file, Reason.GITHUB_LICENSE_UNKNOWN)
        if not is_permitted(license_, recipe.licenses, recipe.compat):
            return drop(file, Reason.GITHUB_LICENSE, detail=license_)
        return dataclasses.replace(file, meta={**file.meta, "license": license_})

    return judge


def copies_of_files() -> Exchange:
    """Contents are compared, those of all files, by both halves of a hash of 128 bits."""
    return Exchange(
        COPIES,
        keys=lambda files: list(map(_content_keys, files)),
        keep="smallest",
        scope=lambda export: "all",
        groups=1,
        owners=_owners,
    )


def keep_one_copy(aids: Aids) -> Function:
    def judge(files: Sequence[Document]) -> list[Document | Dropped]:
        taken = aids.answers[COPIES].taken(list(map(_content_keys, files)), _owners(files))
        return [
            # Another file has the same content if it has both halves.
            drop(file, Reason.GITHUB_COPY, detail=file.meta["content_md5"]) if gone.all() else file
            for file, gone in zip(files, taken, strict=True)
        ]

    return judge


def _content_keys(file: Document) -> Keys:
    content = xxhash.xxh3_128_intdigest(file.text.encode())
    return np.array([content >> 64, content & LOW], np.uint64)


def _owners(files: Sequence[Document]) -> list[int]:
    return [xxhash.xxh3_64_intdigest(file.id.encode()) for file in files]


def keep_kinds(rules: GithubRules, compat: str) -> Callable[[Document], Document | Dropped]:
    def judge(file: Document) -> Document | Dropped:
        path = file.meta["path"]
        reason = reason_by_name(path, rules, compat)
        return drop(file, reason, detail=PurePosixPath(path).suffix or PurePosixPath(path).name) if reason else file

    return judge


def remove_headers(compat: str) -> Callable[[Document], Document | Dropped]:
    def judge(file: Document) -> Document | Dropped:
        text = without_header(file.text, file.meta["path"], compat)
        return drop(file, Reason.GITHUB_GENERATED) if text is None else dataclasses.replace(file, text=text)

    return judge


def header_lines(file: Document, compat: str) -> list[Reason | None]:
    """Which lines of a file go with its header; none where nothing goes, or the whole file does."""
    left = without_header(file.text, file.meta["path"], compat)
    if left is None or left == file.text:
        return []
    # What stays is matched from the end on, for all below the header stays.
    rest = left.split("\n")
    reasons: list[Reason | None] = []
    for line in reversed(file.text.split("\n")):
        stays = bool(rest) and line == rest[-1]
        reasons.append(None if stays else Reason.GITHUB_HEADER_LINE)
        if stays:
            rest.pop()
    return reasons[::-1]


def keep_by_measures(rules: GithubRules, compat: str) -> Callable[[Document], Document | Dropped]:
    def judge(file: Document) -> Document | Dropped:
        if not file.text or file.text.isspace():
            return drop(file, Reason.EMPTY)
        measures = measure(file.text)
        reason, measured = reason_by_measures(measures, file.meta["path"], rules, compat)
        if reason:
            return drop(file, reason, measured)
        return dataclasses.replace(file, meta={**file.meta, **dataclasses.asdict(measures)})

    return judge


def keep_by_tokens(min_letters: float, aids: Aids) -> Callable[[Document], Document | Dropped]:
    def judge(file: Document) -> Document | Dropped:
        n_tokens = len(_open_tokenizer(aids.models[TOKENIZER]).encode(file.text))
        letters_per_token = sum(map(str.isalpha, file.text)) / max(1, n_tokens)
        if letters_per_token < min_letters:
            return drop(file, Reason.GITHUB_FEW_LETTERS_PER_TOKEN, letters_per_token)
        return dataclasses.replace(file, meta={**file.meta, "letters_per_token": letters_per_token})

    return judge


@functools.cache
def _open_tokenizer(url: str) -> Tokenizer:
    return Tokenizer(url)


def wanted(recipe: GithubRecipe) -> dict[str, Wanted]:
    """The files that the recipe names."""
    if not recipe.tokenizer:
        return {}
    return {
        TOKENIZER: Wanted((recipe.tokenizer,), "It is a SentencePiece .model or tokenizer.json, to count tokens with.")
    }


def check(recipe: GithubRecipe, models: Mapping[str, str]) -> None:
    """Raises UsageError: the tokenizer cannot be used."""
    if TOKENIZER in models:
        try:
            _open_tokenizer(models[TOKENIZER])
        except ShardError as error:
            raise UsageError(f"sources.github.tokenizer: {error}") from error


def check_kinds(recipe: GithubRecipe, kinds: Collection[str]) -> None:
    """Raises UsageError: the tables of an export come apart, and one that is needed is not there."""
    if CONTENTS in kinds and recipe.duplicates == "keep":
        raise UsageError(
            "sources.github.duplicates: keep needs a joined export. Where BigQuery's tables come apart, a content is "
            "read once, at one of its places. Join them (pipelines/github.sql), or set it to drop."
        )
    if CONTENTS in kinds and FILES not in kinds:
        raise UsageError(
            "github: the inputs have contents without paths, as BigQuery's table contents. Add the exports of the "
            "tables files and licenses to sources.github.inputs, or join them in BigQuery (pipelines/github.sql)."
        )
    if CONTENTS not in kinds and {FILES, TABLE_OF_LICENSES} & set(kinds):
        raise UsageError(
            "github: the inputs have BigQuery's tables files or licenses, and no contents to join them with. Add the "
            "exports of the table contents to sources.github.inputs."
        )


def slices(export: Input, recipe: GithubRecipe) -> list[Slice]:
    """Row groups of a Parquet file, some `slice_mb` together; any other file is one slice."""
    stem = stem_of(export)
    with open_read(export.url) as file:
        table = open_table(file)
        kind = kind_of(table, recipe.columns)
        if kind == CONTENTS and recipe.columns.path != type(recipe.columns)().path:
            kind = ""  # the recipe says how paths are called, and none is: a mistake, and no table of contents
        size = int(recipe.slice_mb * MIB)
        if kind:
            ranges = table.ranges(size)
        else:
            ranges = row_ranges(file, columns=recipe.columns, name=export.name, slice_bytes=size)
    whole = len(ranges) == 1
    return [Slice(stem if whole else f"{stem}-{start:012d}", export, start, stop, kind) for start, stop in ranges]


def read(piece: Slice, recipe: GithubRecipe, models: Mapping[str, str]) -> Iterator[Document | Damage]:
    """The files of a slice; where the tables come apart, each at the place that is chosen for it."""
    limit = recipe.max_file_mb * MIB
    with open_read(piece.input.url) as file:
        rows: Iterator[FileRow | Damage]
        if piece.kind == CONTENTS:
            places = open_places(models[PLACES])
            table = open_table(file)
            rows = read_contents(table, places, piece.start, piece.stop, columns=recipe.columns, max_file_bytes=limit)
        else:
            rows = read_rows(file, piece.start, piece.stop, columns=recipe.columns, max_file_bytes=limit)
        for row in rows:
            yield row if isinstance(row, Damage) else _document(row)


def _document(row: FileRow) -> Document:
    content = row.content or ""
    ref = row.ref.removeprefix(HEADS)
    meta = {
        "repo": row.repo,
        "path": row.path,
        "ref": row.ref,
        "url": f"https://github.com/{quote(f'{row.repo}/blob/{ref}/{row.path}')}" if row.repo and ref else "",
        "license": row.license,
        "size": row.size,
        "copies": row.copies,
        "blob": row.id,
        "content_md5": hashlib.md5(content.encode(), usedforsecurity=False).hexdigest(),
        "absent": row.absent,
    }
    # Without a repository a file is named by what it holds: paths alone are the same in many.
    name = f"{row.repo}/{row.path}" if row.repo else f"{row.id}/{row.path}"
    return Document(f"github:{name}", content, "github", meta)


SOURCE = Source(
    "github",
    lambda recipe: "*",
    slices,
    read,
    steps,
    recipe=GithubRecipe,
    models=wanted,
    check=check,
    made=made,
    left_out=left_out,
    decides=lambda recipe: {"columns": dataclasses.asdict(recipe.columns), "max_file_mb": recipe.max_file_mb},
    uses=(PLACES,),
    beside=(FILES, TABLE_OF_LICENSES),
    check_kinds=check_kinds,
    split_key=lambda file: f"content:{xxhash.xxh3_128_hexdigest(file.text.encode())}",
)
