"""Made-up texts: what a text column holds is guessed from its name, since its declaration doesn't say."""

from __future__ import annotations

import re
from collections.abc import Callable

from mpcgov.dummy.coins import Coins

_GIVEN = (
    "Ada", "Ali", "Amina", "Ana", "Anders", "Anna", "Arjun", "Astrid", "Ben", "Bram", "Carla", "Carlos", "Chen",
    "Clara", "Daan", "Dana", "David", "Elena", "Elif", "Emil", "Emma", "Eva", "Farid", "Fatima", "Finn", "Freya",
    "Hana", "Hugo", "Ida", "Ines", "Ingrid", "Ivan", "Jan", "Jana", "Jin", "Johan", "Jonas", "Julia", "Kai",
    "Karim", "Karin", "Lars", "Laura", "Lea", "Leo", "Lina", "Luca", "Lucia", "Maja", "Marco", "Maria", "Marta",
    "Mateo", "Max", "Mei", "Mia", "Mika", "Nadia", "Nils", "Nina", "Noah", "Nora", "Olga", "Omar", "Otto", "Paula",
    "Pavel", "Petra", "Rosa", "Sami", "Sara", "Sofia", "Tariq", "Tom", "Vera", "Victor", "Yuki", "Zoe",
)  # fmt: skip
_FAMILY = (
    "Adams", "Ahmed", "Andersen", "Bakker", "Bauer", "Berg", "Bianchi", "Blanc", "Brandt", "Carlsen", "Castro",
    "Chen", "Clark", "Costa", "Dahl", "Diaz", "Dubois", "Evans", "Fischer", "Fontaine", "Garcia", "Greco", "Haas",
    "Hansen", "Hill", "Hoffmann", "Horvat", "Ivanov", "Jansen", "Jensen", "Johansson", "Kaya", "Keller", "Khan",
    "Kim", "Klein", "Kovacs", "Kowalski", "Kumar", "Lange", "Larsen", "Lehmann", "Lewis", "Li", "Lopez", "Lund",
    "Maier", "Marino", "Martin", "Meyer", "Moreau", "Moretti", "Murphy", "Nagy", "Nguyen", "Nielsen", "Nowak",
    "Olsen", "Park", "Patel", "Pereira", "Peters", "Popov", "Ramos", "Ricci", "Rossi", "Roth", "Russo", "Santos",
    "Sato", "Schmidt", "Silva", "Singh", "Smit", "Smith", "Sousa", "Suzuki", "Tanaka", "Torres", "Vargas", "Visser",
    "Vogel", "Wagner", "Walker", "Weber", "Wolf", "Wright", "Yilmaz", "Young",
)  # fmt: skip
_PLACES = (
    "Ashford", "Birchwood", "Clearwater", "Dunmore", "Eastport", "Fairview", "Glenhaven", "Harborough",
    "Ironbridge", "Kingsmere", "Lakeside", "Millbrook", "Northgate", "Oakfield", "Pinehurst", "Queensbury",
    "Redhill", "Stonebridge", "Thornton", "Underwood", "Westbrook",
)  # fmt: skip


def _family(coins: Coins) -> str:
    name = coins.pick(_FAMILY)
    return f"{name}-{coins.pick(_FAMILY)}" if coins.unit() < 0.05 else name


_GUESSES: tuple[tuple[str, Callable[[Coins], str]], ...] = (
    (r"middle|initial", lambda coins: coins.pick("ABCDEFGHIJKLMNOPRSTVW")),
    (r"first|given|fore|christian|vorname|prenom", lambda coins: coins.pick(_GIVEN)),
    (r"employer|company|firm|enterprise", lambda coins: f"{_family(coins)} {coins.pick(('Ltd', 'Inc', 'Works'))}"),
    (r"number|_no$|_nr$|house|unit|box", lambda coins: str(coins.between(1, 300))),
    (r"street|road|address", lambda coins: f"{_family(coins)} {coins.pick(('St', 'Rd', 'Ave', 'Lane'))}"),
    (r"last|sur|family|name", _family),
    (r"city|town|municip|place", lambda coins: coins.pick(_PLACES)),
    (r"zip|post", lambda coins: f"{coins.between(1000, 99999):05d}"),
    (r"mail", lambda coins: f"{coins.pick(_GIVEN)}.{coins.pick(_FAMILY)}@example.org".lower()),
    (r"phone|mobile|tel", lambda coins: f"0{coins.between(10**8, 10**9 - 1)}"),
)


def text(name: str, coins: Coins) -> str:
    """A text such as a column of this name may hold."""
    for pattern, made in _GUESSES:
        if re.search(pattern, name, re.IGNORECASE):
            return made(coins)
    return f"{coins.pick(_PLACES)} {coins.between(1, 99)}"


def is_birth_date(name: str) -> bool:
    """Whether a text column of this name holds dates."""
    return bool(re.search(r"birth|born|dob|date", name, re.IGNORECASE))


def misspelt(value: str, coins: Coins) -> str:
    """The text as a clerk may have it: two letters swapped, or one left out."""
    if len(value) < 3:
        return value
    at = coins.between(0, len(value) - 2)
    if coins.unit() < 0.5:
        return value[:at] + value[at + 1] + value[at] + value[at + 2 :]
    return value[:at] + value[at + 1 :]
