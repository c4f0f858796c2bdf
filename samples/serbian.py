"""A Serbian Wikipedia dump: pages in Cyrillic and in Latin script, with the markup that chooses between them.

Of ten pages one is a redirect, one tells the meanings of a title apart, and one is a list; pages of odd numbers are in
Latin script. The villages are invented.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from .wikipedia import DumpPage, head, pack, page_xml

DUMP = "srwiki-20220620-pages-articles-multistream.xml.bz2"
N_PAGES, _PAGES_PER_STREAM = 40, 8  # at scale 1
_REDIRECT, _MEANINGS, _LIST = 7, 8, 9  # of ten pages
_NEWEST = datetime(2022, 6, 19, tzinfo=UTC)

_CYRILLIC = "абвгдђежзијклљмнњопрстћуфхцчџш"
_LATIN = (*"abvgdđežzijkl", "lj", "m", "n", "nj", *"oprstćufhcč", "dž", "š")
_TO_LATIN = str.maketrans(
    dict(zip(_CYRILLIC, _LATIN, strict=True))
    | {upper: latin.capitalize() for upper, latin in zip(_CYRILLIC.upper(), _LATIN, strict=True)}
)
_NAMES = ("Брезовац", "Виноградац", "Горњи Брод", "Доње Поље", "Извориште", "Јасенак", "Крушево Брдо", "Липовица")
_RIVERS = ("Бистрица", "Јошаница", "Сушица", "Тополница")
_TOWNS = ("Каменград", "Новиград", "Белоград")

_SITE = MappingProxyType(
    {
        "sitename": "Википедија",
        "main_page": "Главна_страна",
        "namespaces": (
            *("Медиј", "Посебно", "", "Разговор", "Корисник", "Разговор са корисником", "Википедија"),
            *("Разговор о Википедији", "Датотека", "Разговор о датотеци", "Медијавики", "Разговор о Медијавикију"),
            *("Шаблон", "Разговор о шаблону", "Помоћ", "Разговор о помоћи", "Категорија", "Разговор о категорији"),
        ),
    }
)


def write(folder: Path, seed: int, scale: float) -> list[Path]:
    """Write the dump into `folder`/wikipedia."""
    path = folder / "wikipedia" / DUMP
    path.parent.mkdir(parents=True, exist_ok=True)
    pages = (_page(seed, number) for number in range(max(10, round(N_PAGES * scale))))
    with path.open("wb") as file:
        file.writelines(pack(head("sr", _SITE), map(page_xml, pages), _PAGES_PER_STREAM))
    return [path]


def _page(seed: int, number: int) -> DumpPage:
    rng = random.Random(f"{seed}/sr/{number}")
    place = number % 10
    title, text, redirect = _village(number), "", None
    if place == _REDIRECT:
        redirect = _village(number - 1)
        title, text = redirect.upper(), f"#ПРЕУСМЕРИ [[{redirect}]]"
    elif place == _MEANINGS:
        title = f"{_TOWNS[number // 10 % len(_TOWNS)]} {number // 10 + 1} (вишезначна одредница)"
        text = _meanings(title.partition(" (")[0])
    elif place == _LIST:
        title = f"Списак села општине {_TOWNS[number // 10 % len(_TOWNS)]} {number // 10 + 1}"
        text = "".join(f"* [[{_village(other)}]]\n" for other in range(number - 9, number))
    else:
        text = _article(rng, title)
    if number % 2 and redirect is None:
        title, text = title.translate(_TO_LATIN), _latin(text)
    stamp = _NEWEST - timedelta(seconds=rng.randrange(10**8))
    return DumpPage(title, 0, 12 + 5 * number, 24_000_000 + 17 * number, stamp, text, "Писар", "", redirect)


def _village(number: int) -> str:
    name = _NAMES[number % len(_NAMES)]
    return name if number < len(_NAMES) else f"{name} {number // len(_NAMES) + 1}"


def _article(rng: random.Random, title: str) -> str:
    town, river = rng.choice(_TOWNS), rng.choice(_RIVERS)
    return f"""\
{{{{Насељено место |назив={title} |општина={town}}}}}
'''{title}''' је -{{sr-ec:насеље; sr-el:naselje}}- у општини [[{town}|{town}у]]. Према попису из \
{rng.randint(1981, 2011)}. године имало је {rng.randint(40, 2400)} становника.<ref>Књига пописа.</ref> Кроз село \
протиче река [[{river} (река)|{river}]], дуга {rng.randint(8, 60)} -{{km}}-.-{{H|sr-ec:попис; sr-el:popis}}-

== Историја ==
[[Датотека:Село.jpg|мини|Поглед на село]]
Село се први пут помиње {rng.randint(1380, 1700)}. године. Ту је радила радионица -{{R|Drvo & Vuna}}-, коју мештани \
зову ''-{{sr-ec:вунара; sr-el:vunara}}-''.

== Види још ==
* [[{town}]]

{{{{клица-географија}}}}
[[Категорија:Насеља]]
"""


def _meanings(name: str) -> str:
    return f"""\
'''{name}''' може бити:
* [[{name} (град)|{name}]], град
* [[{name} (тврђава)|{name}]], тврђава изнад реке

{{{{вишезначна одредница}}}}
"""


def _latin(text: str) -> str:
    """The page as its author would have written it in Latin script; what is written for one script stays."""
    pieces = text.split("-{sr-ec:")
    return "-{sr-ec:".join(
        [
            pieces[0].translate(_TO_LATIN),
            *(f"{piece.partition(';')[0]};{piece.partition(';')[2].translate(_TO_LATIN)}" for piece in pieces[1:]),
        ]
    )
