"""A SentencePiece model as Hugging Face's files: the same ids for the same texts, the surfaces of control pieces aside.

BPE there is a list of merges, the first in the list done first; in SentencePiece each merge has the score of the piece
it makes. A piece that can be made in several ways has as many merges, one behind the other, the longest left part
first: pieces are merged from the left, so that what is short in a run (`====`) stands at its right end.
"""

from __future__ import annotations

import json
from typing import Any

from .model_file import SPACE, Kind, ModelFile

JSON = "tokenizer.json"
CONFIG = "tokenizer_config.json"


def merges(model: ModelFile) -> list[tuple[str, str]]:
    """The merges, first to last. Only pieces that are made of text are merged: `<0x0A>` in a text is six characters.

    >>> from .model_file import Piece
    >>> pieces = [Piece(text, -number, Kind.NORMAL) for number, text in enumerate(["ab", "abc", "a", "b", "c", "bc"])]
    >>> merges(ModelFile(tuple(pieces), True, True, False, False, True))
    [('a', 'b'), ('ab', 'c'), ('a', 'bc'), ('b', 'c')]
    """
    scores = {piece.text: piece.score for piece in model.pieces if piece.kind == Kind.NORMAL}
    found = [
        (score, at, len(piece), piece[:at], piece[at:])
        for piece, score in scores.items()
        for at in range(1, len(piece))
        if piece[:at] in scores and piece[at:] in scores
    ]
    return [(left, right) for *_, left, right in sorted(found, key=lambda one: one[:3], reverse=True)]


def tokenizer_json(model: ModelFile, hide_controls: bool = False) -> dict[str, Any]:
    """`tokenizer.json` without what is put around texts.

    As that format has it, control pieces are found in texts before all else. Hidden, they are called what no text can
    be: it would have to keep a space.

    Raises:
        ValueError: no merges give the ids of this model.
    """
    if unlike := model.other_than_llama():
        raise ValueError(unlike)
    controls = {i: piece.text for i, piece in enumerate(model.pieces) if piece.kind in (Kind.UNKNOWN, Kind.CONTROL)}
    hidden = {i: f" {i}" for i in controls if hide_controls}
    names = [hidden.get(i, piece.text) for i, piece in enumerate(model.pieces)]
    before = [{"type": "Prepend", "prepend": SPACE}] * model.dummy_prefix
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": number,
                "content": text,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for number, text in controls.items()
            if not hide_controls
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [*before, {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}],
        },
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                *[{"type": "Strip", "content": " ", "start": 1, "stop": 0}] * model.dummy_prefix,
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": names[model.unknown],
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {name: number for number, name in enumerate(names)},
            "merges": [list(pair) for pair in merges(model)],
        },
    }


def files(model: ModelFile, bos_id: int, eos_id: int) -> dict[str, bytes]:
    """The files that `AutoTokenizer.from_pretrained` reads: name → content. As LLaMA's do, it puts BOS before a text.

    Raises:
        ValueError: no merges give the ids of this model.
    """
    value = tokenizer_json(model)
    marks = {
        name: model.pieces[number].text
        for name, number in (("bos_token", bos_id), ("eos_token", eos_id))
        if number >= 0
    }
    if bos := marks.get("bos_token"):
        mark, text = ({"SpecialToken": {"id": bos, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}})
        second = {"Sequence": {"id": "B", "type_id": 1}}
        value["post_processor"] = {
            "type": "TemplateProcessing",
            "single": [mark, text],
            "pair": [mark, text, {"SpecialToken": {"id": bos, "type_id": 1}}, second],
            "special_tokens": {bos: {"id": bos, "ids": [bos_id], "tokens": [bos]}},
        }
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **marks,
        "unk_token": value["model"]["unk_token"],
        "model_max_length": int(1e30),  # what transformers writes for "no limit"
        "clean_up_tokenization_spaces": False,
    }
    return {JSON: _dump(value), CONFIG: _dump(config)}


def _dump(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
