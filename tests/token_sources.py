"""Token files of made-up documents, and their mixtures. On the path of every test (setup.cfg)."""

import numpy as np

from corpusmill.mixtures.circle import count_tokens, plan_source
from corpusmill.shards.build import documents
from corpusmill.shards.tokens import TokenFile, pack

BOS, EOS = 1, 2


def make_source(name, n, n_files, seed=0, mean=20, dtype="<u2"):
    """(token files, their texts): texts[file][row] are ids above 2."""
    rng = np.random.default_rng([seed, n])
    texts = [[rng.integers(3, 999, rng.geometric(1 / mean)) for _ in range(f, n, n_files)] for f in range(n_files)]
    files = []
    for f, of_file in enumerate(texts):
        ids = [f"{name}:{f}/{row}" for row in range(len(of_file))]
        packed, index = pack(ids, of_file, [f"{name}:{f}/{row // 3}" for row in range(len(of_file))], dtype)
        files.append(TokenFile(index, packed, f"{name}-{f}"))
    return files, texts


def plan_all(files, epochs, shards, seed, validation=0.0, bos=BOS, eos=EOS):
    plans = {}
    for name, of_source in files.items():
        chunks = documents(of_source, validation, bos, eos)
        plans[name] = plan_source(name, chunks, round(epochs[name] * count_tokens(chunks)), shards, seed)
    return plans
