"""Posts of a forum: JSON lines with an id, a text, its likes, and where it stands."""

from dataclasses import dataclass

from corpusmill.formats.jsonlines import read_objects
from corpusmill.mixtures.sources import OwnRecipe
from corpusmill.pipelines.source import Basis, Source, keep_by, step, whole_file
from corpusmill.records import Criterion, Damage, Document, Reasons
from corpusmill.storage import open_read


class Forum(Reasons):
    UNLIKED = "forum.unliked", "fewer likes than the minimum"
    SHORT = "forum.short", "fewer characters than the minimum"


@dataclass(frozen=True, kw_only=True)
class ForumRecipe(OwnRecipe):
    min_likes: int = 1
    min_chars: int = 40


def read(piece, recipe, models):
    with open_read(piece.input.url) as file:
        for post in read_objects(file):
            if isinstance(post, Damage):
                yield post
                continue
            id_, text, likes = (post.fields.get(name) for name in ("id", "text", "likes"))
            if not (isinstance(id_, str) and isinstance(text, str) and isinstance(likes, int)):
                yield Damage(post.offset, "bad_field", f"line {post.number}: no id, text or likes")
            else:
                yield Document(f"forum:{id_}", text, "forum", {"url": str(post.fields.get("url", "")), "likes": likes})


LIKES = Criterion("likes", ">=", "min_likes", (Forum.UNLIKED,))
LENGTH = Criterion("chars", ">=", "min_chars", (Forum.SHORT,), log=True)


def steps(recipe, aids):
    liked, long = keep_by(LIKES, recipe), keep_by(LENGTH, recipe)
    return (step("keep what people liked", liked, Basis.OURS), step("drop short posts", long, Basis.OURS))


SOURCE = Source("forum", lambda recipe: "*.jsonl*", whole_file, read, steps, ForumRecipe, Forum, (LIKES, LENGTH))
