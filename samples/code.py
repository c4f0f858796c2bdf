"""Source code in many languages that looks like code, from the templates and words of `code.yaml`; none of it runs."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .prose import load_language

_SLOT = re.compile(r"⟨(\w+)⟩")
_CLOSING: Mapping[str, str] = {"/*": " */", "/**": " */", "<!--": "-->"}

LANGUAGES: tuple[str, ...] = tuple(load_language("code")["languages"])


@dataclass(frozen=True, slots=True)
class Project:
    """What its files say of the project that they belong to. `license` is one of those in `code.yaml`."""

    name: str
    author: str
    year: int
    license: str


class Code:
    """Names and texts, all drawn from one random generator.

    >>> one, other = Code(random.Random(0)), Code(random.Random(0))
    >>> one.fill("⟨verb⟩_⟨noun⟩(⟨n⟩)") == other.fill("⟨verb⟩_⟨noun⟩(⟨n⟩)")
    True
    """

    def __init__(self, source: random.Random) -> None:
        self.random, self._grammar = source, load_language("code")

    def fill(self, template: str, **words: str) -> str:
        """A template with its slots filled; a word is drawn once, then stays."""

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name == "n":
                return str(self.random.randrange(2, 99))
            if name == "note":
                return self.fill(self.random.choice(self._grammar["notes"]), **words)
            key = name.lower()
            if key not in words:
                words[key] = self.random.choice(self._grammar["words"][key])
            word = words[key]
            return word if name == key else word.upper() if name.isupper() else word[0].upper() + word[1:]

        return _SLOT.sub(value, template)

    def project(self, licence: str) -> Project:
        return Project(self.fill("⟨noun⟩-⟨other⟩"), self.author(), self.random.randrange(2004, 2021), licence)

    def author(self) -> str:
        return self.fill("⟨Forename⟩ ⟨Surname⟩")

    def file(self, language: str, project: Project, n_blocks: int) -> tuple[str, str]:
        """The name of a file, and its text: a header, or none, and blocks of code."""
        rules: Mapping[str, Any] = self._grammar["languages"][language]
        noun, other = self.fill("⟨noun⟩ ⟨other⟩").split()  # what the whole file is about
        name = self.fill(rules["name"], noun=noun, other=other)
        blocks = [self.fill(rules["head"], noun=noun, other=other)] if "head" in rules else []
        blocks += [self.fill(self.random.choice(rules["blocks"])) for _ in range(n_blocks)]
        blocks += [self.fill(rules["tail"], noun=noun, other=other)] if "tail" in rules else []
        header = self._header(rules["comment"], name, project)
        first = rules["first"] + "\n" if "first" in rules else ""
        return name, first + header + "\n".join(blocks)

    def _header(self, comment: list[str], name: str, project: Project) -> str:
        lines = self.random.choice(self._grammar["headers"])
        if not comment or not lines:
            return ""
        prefix, opening = comment
        texts = [prefix + self.fill(line, **self._about(project), file=name) for line in lines]
        if opening:
            texts = [opening, *texts, _CLOSING[opening]]
        return "".join(f"{line.rstrip()}\n" for line in texts) + "\n"

    def license_text(self, project: Project, template: str) -> str:
        """The text of a licence file by one of the templates `terms` and `house_rules`."""
        return self.fill(self._grammar[template], **self._about(project))

    def _about(self, project: Project) -> dict[str, str]:
        return {
            **self._grammar["licenses"][project.license],
            "project": project.name,
            "author": project.author,
            "year": str(project.year),
            "later": str(project.year + self.random.randrange(1, 5)),
            "mail": project.author.lower().replace(" ", "."),
            "digit": str(self.random.randrange(1, 10)),
        }
