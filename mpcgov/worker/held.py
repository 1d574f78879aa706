"""What a program returns, held against what the worker has computed itself.

What a number of a table means stands in the manifest, and everybody approved that. So a program decides nothing about
what leaves: the worker computes each number that the manifest's tables open, and each that decides whether they may be,
from what the owners dealt; and what goes on to disclosure control are these. A program that returns something else, be
it counts with 10 added or cells in another order, is refused: our own shares of it are other words. That tells nothing
of any value, as two sharings that differ anywhere differ at every party but for a chance of 2^-61 a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mpcgov.errors import PROGRAM, Refused, SpecError, one_line
from mpcgov.mpc import SecretArray

Places = Sequence[SecretArray]


async def hold(returned: object, own: Mapping[str, Places]) -> None:
    """Nothing, if a program's numbers are ours, by name and place by place; a number in one place may stand alone.

    Raises:
        SpecError: other tables than the manifest's, or none. Refused: other numbers, more or fewer. Either is the same
            at every party, and for all data alike.
    """
    answer: dict[object, object] = returned if type(returned) is dict else {}
    if set(answer) != set(own):
        names = ", ".join(sorted(one_line(name, 60) for name in answer)) or "no tables"
        message = f"the protocol's program: returns {names} where its manifest has {', '.join(sorted(own))}"
        raise SpecError(message, hint="return a number for each table, by its name", code=PROGRAM)
    for name, places in own.items():
        found = answer[name]
        given = found if type(found) is list else [found]
        if len(given) != len(places):
            raise _refused(f"{name} isn't what the job's parties have together")
        for one, place in zip(given, places, strict=True):
            if one is not place and (type(one) is not SecretArray or not await one.same_shares(place)):
                raise _refused(f"{name} isn't what the job's parties have together")


def _refused(what: str) -> Refused:
    return Refused(f"the protocol's program: {what}", hint="return the sums as they are", code=PROGRAM)
