"""The SentencePiece BPE tokenizer: training and use."""
