"""grain: every record of ArrayRecordDataSource, a tf.train.Example read by protobuf."""

import os

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

import grain
from compare import report, same, splits
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def example_class():
    """tf.train.Example as tensorflow/core/example declares it, as far as it is used."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tensorflow", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto

    def message(name, *fields, parent=file.message_type):
        made = parent.add(name=name)
        for number, label, kind, of, of_type in fields:
            made.field.add(name=of, number=number, label=label, type=kind, type_name=of_type)
        return made

    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    message("Int64List", (1, many, field.TYPE_INT64, "value", None))
    message("Feature", (3, one, field.TYPE_MESSAGE, "int64_list", ".tensorflow.Int64List"))
    features = message("Features", (1, many, field.TYPE_MESSAGE, "feature", ".tensorflow.Features.FeatureEntry"))
    entry = message(
        "FeatureEntry",
        (1, one, field.TYPE_STRING, "key", None),
        (2, one, field.TYPE_MESSAGE, "value", ".tensorflow.Feature"),
        parent=features.nested_type,
    )
    entry.options.map_entry = True
    message("Example", (1, one, field.TYPE_MESSAGE, "features", ".tensorflow.Features"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))


Example = example_class()
total = 0
for variant, folder, split, shards in splits():
    n = len(shards)
    paths = [str(folder / f"arrayrecord/{split}.array_record-{k:05d}-of-{n:05d}") for k in range(n)]
    source = grain.sources.ArrayRecordDataSource(paths)
    found = grain.MapDataset.source(source).map(
        lambda data: list(Example.FromString(data).features.feature["text"].int64_list.value)
    )
    total += same(f"{variant} {split}", list(found), [row for shard in shards for row in shard.rows])
report("grain", total, "ArrayRecordDataSource")
