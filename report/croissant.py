"""`croissant.json`: the files of a finished run for readers of Croissant 1.0, with its RAI vocabulary where we know.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html and croissant-rai-spec.html
"""

from __future__ import annotations

import json
from typing import Any

from ..manifest import RECIPE
from ..pipelines.told import LEFT_OUT
from ..records import counted, sized
from ..storage import join, sha256_of, size_of
from . import sections
from .corpus import FEATURES, Corpus, in_words
from .describe import rows_of_run

# The context of the specification; readers warn of any other.
_OWN = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileProperty", "fileObject", "fileSet", "format"),
    *("includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex"),
    *("repeated", "replace", "samplingRate", "separator", "source", "subField", "transform"),
)
CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{name: f"cr:{name}" for name in _OWN},
}
_WHAT = {
    "id": "stable and its publisher's own",
    "text": "the document",
    "source": "which of the sources",
    "meta": "a JSON object: url, dates, licence, scores",
}


def text(corpus: Corpus) -> str:
    """The JSON-LD."""
    return json.dumps(json_ld(corpus), indent=1, ensure_ascii=False) + "\n"


def json_ld(corpus: Corpus) -> dict[str, Any]:
    """The corpus as a dataset of Croissant's.

    The version holds the beginning of the digest of all documents, so that another corpus has another one.
    """
    said, about, facts = corpus.recipe.card, corpus.publishers, corpus.facts
    titles = in_words([about[source]["title"] for source in corpus.sources])
    own = [] if said.license == "other" else [said.license_link or said.license]
    links = [url for source in corpus.sources for url in about[source]["links"].values()]
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.0", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": corpus.title,
        "description": (
            f"{counted(sum(map(corpus.kept, corpus.sources)), 'document')} from {titles}, made by corpusmill "
            f"{facts['corpusmill']}{' after section 2.1 of the LLaMA paper' * corpus.is_of_paper}. "
            "README.md says how, and under which rights."
        ),
        **({"url": said.url} if said.url else {}),
        "license": list(dict.fromkeys([*own, *links])),
        "version": f"1.0.0+{facts['corpus']['documents'][:12]}",
        "datePublished": facts["finished"][:10],
        "citeAs": corpus.citation,
        "inLanguage": corpus.languages,
        "keywords": ["text", "language modelling", "pre-training", *corpus.sources],
        **_responsible(corpus),
        "distribution": [*_objects(corpus), *(_file_set(source) for source in corpus.sources)],
        "recordSet": [_record_set(source, about[source]["about"]) for source in corpus.sources],
    }


def _responsible(corpus: Corpus) -> dict[str, Any]:
    """The fields of the RAI vocabulary that the run knows the answer to."""
    about, facts = corpus.publishers, corpus.facts
    read = {source: facts["inputs"][source]["files"] for source in corpus.sources if source in facts["inputs"]}
    damage = sum(facts["damage"].values())
    return {
        "rai:dataCollection": " ".join(f"{about[source]['title']}: {about[source]['about']}" for source in read),
        "rai:dataCollectionType": ["Secondary Data analysis", "Software Collection"],
        "rai:dataCollectionRawData": " ".join(
            f"{source}: {len(files):,} files, {sized(sum(one[0] for one in files.values()))}."
            for source, files in read.items()
        ),
        "rai:dataCollectionMissingData": f"Damaged input is left out: {counted(damage, 'piece')}; errors/ lists it.",
        "rai:dataPreprocessingProtocol": [
            f"{source}: {'; '.join(steps)}."
            for source in corpus.sources
            if (steps := [row["step"] for row in rows_of_run(source, corpus.recipe, facts) if row["basis"] != LEFT_OUT])
        ],
        "rai:dataBiases": corpus.about("biases"),
        "rai:dataLimitations": corpus.about("limits"),
        "rai:dataUseCases": "Training language models, and studying them and the data that they are trained on.",
        "rai:personalSensitiveInformation": corpus.about("personal"),
        "rai:dataReleaseMaintenancePlan": "`corpusmill takedown` takes documents out of all files. "
        + sections.contact_words(corpus),
    }


def _objects(corpus: Corpus) -> list[dict[str, Any]]:
    """The record of the run, which has the SHA-256 of every other file."""
    found = (
        ("manifest.json", "application/json", "what was read, made and dropped, and with which versions"),
        ("manifest.parquet", "application/x-parquet", "path, rows, bytes and SHA-256 of every file"),
        (RECIPE, "application/yaml", "every setting"),
    )
    return [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "description": what,
            "contentUrl": name,
            "contentSize": f"{size_of(join(corpus.output, name))} B",
            "encodingFormat": form,
            "sha256": sha256_of(join(corpus.output, name)),
        }
        for name, form, what in found
    ]


def _file_set(source: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"files-of-{source}",
        "name": f"files-of-{source}",
        "description": f"The documents of {source}.",
        "encodingFormat": "application/x-parquet",
        "includes": f"documents/{source}/*.parquet",
    }


def _record_set(source: str, about: str) -> dict[str, Any]:
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"{source}/{name}",
            "name": f"{source}/{name}",
            "description": _WHAT[name],
            "dataType": "sc:Text",
            "source": {"fileSet": {"@id": f"files-of-{source}"}, "extract": {"column": name}},
        }
        for name in FEATURES
    ]
    named = {"@type": "cr:RecordSet", "@id": source, "name": source, "description": about}
    return {**named, "key": {"@id": f"{source}/id"}, "field": fields}
