"""Tokenizers: SentencePiece BPE, trained here or ready; Hugging Face's files, read and written."""

from .encode import Tokenizer

__all__ = ["Tokenizer"]
