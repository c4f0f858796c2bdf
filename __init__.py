"""corpusmill: from raw public dumps to the LLaMA pre-training corpus, as documents and as token shards."""

__version__ = "0.1.0"
