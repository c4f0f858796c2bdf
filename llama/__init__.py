"""A minimal LLaMA, to prove that the shards train. Needs the extra `model` (torch)."""
