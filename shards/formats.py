"""The formats of token shards, by the name that recipes use; each writer gives a shard's files by suffix."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from . import megatron, raw
from .build import Shard, ShardSpec

FORMATS: Mapping[str, Callable[[Shard, ShardSpec], dict[str, bytes | memoryview]]] = MappingProxyType(
    {"raw": raw.write, "megatron": megatron.write}
)
