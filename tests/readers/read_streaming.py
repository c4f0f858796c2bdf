"""mosaicml-streaming: every sample of StreamingDataset, over the joined index of a split."""

import sys
import types

try:
    import torchvision  # noqa: F401
except (ImportError, RuntimeError) as error:
    # It reads pictures, which nobody asks for here; some builds of it do not go with CPU builds of torch.
    print(f"torchvision cannot be imported ({error}); an empty module stands in for it", flush=True)
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    for name in ("torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional"):
        stub = types.ModuleType(name)
        stub.__path__, stub.__spec__ = [], types.SimpleNamespace(name=name, origin=None, submodule_search_locations=[])
        stub.VisionDataset, stub.to_tensor = object, None
        sys.modules[name] = stub

from compare import report, same, splits
from streaming import StreamingDataset
from streaming.base.util import clean_stale_shared_memory

if __name__ == "__main__":
    clean_stale_shared_memory()
    total = 0
    for variant, folder, split, shards in splits():
        found = StreamingDataset(local=str(folder / "mds"), split=split, shuffle=False, batch_size=1)
        rows = [row for shard in shards for row in shard.rows]
        total += same(f"{variant} {split}", [found[i]["tokens"] for i in range(len(found))], rows)
        del found
        clean_stale_shared_memory()
    report("mosaicml-streaming", total, "StreamingDataset")
