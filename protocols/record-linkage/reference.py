"""What record-linkage means, in plain numpy: the ideal functionality, disclosure control included.

Where a token's bits lie is a pseudorandom function of a key that the owners have for the fields, here of 0. Texts
are as the owners normalise them, but for accents.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from mpcgov import figures, owngroups
from mpcgov.linked import classes
from mpcgov.records import agreement, fellegi_sunter, preparation

FILTER_BITS = 1024
USUAL = {"name": (10, 7), "text": (10, 14), "date": (10, 8), "number": (5, 3), "code": (7, 6)}
"""Of each type of field: its weight in the filter, and how many tokens it usually has."""
BAND = Fraction(1, 20)

Row = Mapping[str, str]
Owner = Mapping[Any, Row]
Sides = Sequence[tuple[Sequence[Row], str]]
Pairs, Array = list[tuple[int, int]], np.ndarray


class Segment(NamedTuple):
    """A field's part of the filter, or two names': how many bits, how many a token sets, how many are set at most."""

    fields: tuple[int, ...]
    type: str
    bits: int
    hashes: int
    most: int


class Side(NamedTuple):
    """One owner's records: filters, bits set of each field, and of all fields."""

    filters: np.ndarray
    weights: np.ndarray
    total: np.ndarray


def run(
    owners: Mapping[str, Owner], domains: Mapping[str, Sequence[str]], params: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:  # fmt: skip
    """The released tables.

    Args:
        owners: by party, its records in the order of its data; a missing value is "". The first of three is the hub.
        domains: by `party.column`, the values of categories in order; of numbers min, max and places.
        params: those of the job.
        rules: `min_count`, `receivers`, and if that is asked for `digits` and `numbers`.
    """
    records = {party: list(rows.values()) for party, rows in owners.items()}
    (hub, first), *others = records.items()
    if "threshold" in params:
        groups, doubt = over_threshold([(rows, party) for party, rows in records.items()], params)
    else:
        each = [probable([(first, hub), (rows, party)], params, len(others) > 1) for party, rows in others]
        groups = fellegi_sunter.grouped([pairs for pairs, _ in each])
    linked = [{party: rows[k] for k, (party, rows) in zip(group, records.items(), strict=True)} for group in groups]
    least, output = rules["min_count"], params.get("output", "count")
    tables: dict[str, list[list[Any]]] = {}
    if output == "links":
        pairs = [[row[party][column] for party, column in params["identify"].items()] for row in linked]
        enough = len(pairs) >= least
        tables = {"count": [[len(pairs) if enough else None]], "links": sorted(pairs) if enough else []}
    elif output == "statistics":
        tables = statistics(groups, records, domains, params, rules)
    else:
        cells = owngroups.shown(_cells(linked, domains, by := params.get("by", [])), by, rules, owners)
        tables["count"] = [[*cell, len(rows) or None] for cell, rows in cells]
    if named := [(one, *one.split(".")) for one in params.get("report", [])]:
        of_groups = [(one, [row[name] for row in records[party]]) for one, party, name in named]
        rates = tables["match_rate"] = list(match_rates(of_groups, linked, domains, least))
        if "threshold" in params:
            tables["doubtful"] = doubtful(*doubt, least)
        else:
            of_list = [([*records].index(one.split(".")[0]), values, domains[one]) for one, values in of_groups]
            some = [(side, [own == value for own in values]) for side, values, all_ in of_list for value in all_]
            tables["group_quality"] = fellegi_sunter.of_groups(each[0][1], rates, some)
    if "threshold" in params or (len(others) > 1 and {*owners} & {*rules.get("receivers", ())}):
        return tables
    links = {f"{hub} with {party}": found for (party, _), (_, found) in zip(others, each, strict=True)}
    return tables | fellegi_sunter.quality(links, len(groups), params, least)


def probable(sides: Sides, params: Mapping[str, Any], rows_first: bool) -> tuple[Pairs, fellegi_sunter.Links]:
    """The pairs of two owners' records that are probably one person's, and what is said of them."""
    scores, _ = compared(sides, params["fields"], Fraction(1, 2), smaller=True)
    passes = fellegi_sunter.passes(sides, params.get("blocks", []))
    fields = [[encoded(field, party, rows) for field in params["fields"]] for rows, party in sides]
    most = 4 * sum(part.most for part in segments([field["type"] for field in params["fields"]], smaller=True))
    least = Fraction(str(params["min_probability"])) if "min_probability" in params else None
    return fellegi_sunter.compared(fields, scores + most, passes, least, params.get("match", "one-to-one"), rows_first)


def over_threshold(sides: Sides, params: Mapping[str, Any]) -> tuple[Pairs, Any]:
    """Exact pairs, and mutual bests that are alike enough; and what `doubtful` goes by."""
    at, pairs = Fraction(str(params["threshold"])), exact_pairs(sides, params)
    scores, weights = compared(sides, params["fields"], at, False)
    (keys,) = fellegi_sunter.passes(sides, params.get("blocks", []))
    for pair in pairs:
        for own, record in zip(keys, pair, strict=True):
            own[record] = None
    best = fellegi_sunter.best_in_blocks(scores, *keys)
    pairs += [(i, j) for i, j in best if scores[i, j] >= 0]
    return pairs, (best, scores, weights, at, len(pairs))


# -- how alike records are


def encoded(field: Mapping[str, Any], party: str, rows: Sequence[Row]) -> agreement.Encoded:
    """A field as it is compared by itself."""
    values = [normalised(row[field["columns"][party]], field) for row in rows]
    return agreement.encoded(field["type"], values, float(Fraction(str(field["m"]))) if "m" in field else None)


def segments(types: Sequence[str], smaller: bool) -> list[Segment]:
    """Each field's part of the filter; where it only finds candidates, a smaller one, and one for two names."""
    weights = {type_: usual[0] for type_, usual in USUAL.items()} | ({"code": 3} if smaller else {})
    total, result = sum(weights[type_] for type_ in types), []
    names = tuple(k for k, type_ in enumerate(types) if type_ == "name")[:2] if smaller else ()
    for together in [names][: len(names)] + [(k,) for k in range(len(types)) if k not in names]:
        type_ = types[together[0]]
        tokens = USUAL[type_][1] * len(together)
        bits = (848 if smaller else FILTER_BITS) * weights[type_] * len(together) // total
        hashes = max(1, (51 * bits + 50 * tokens) // (100 * tokens))
        result.append(Segment(together, type_, bits, hashes, 3 * bits // 5))
    return result


def normalised(text: str, field: Mapping[str, Any]) -> str:
    """A value as it is compared."""
    type_, folded = field["type"], preparation.prepared(text, field.get("prepare", ()))
    if type_ == "name":
        return "".join(filter(str.isalpha, folded))
    if type_ == "text":
        return " ".join("".join(c if c.isalnum() else " " for c in folded).split())
    if type_ == "code":
        return "".join(filter(str.isalnum, folded))
    digits = "".join(c for c in text if "0" <= c <= "9")
    return (digits.lstrip("0") or digits[-1:]) if type_ == "number" else digits


def tokens(text: str, type_: str) -> list[tuple[int, int]]:
    """Of a normalised value pairs of neighbours with both ends; or characters and places, in numbers from the end."""
    codes = [ord(c) for c in text]
    if type_ in ("name", "text"):
        return list(itertools.pairwise([0, *codes, 0])) if codes else []
    places = range(len(codes) - 1, -1, -1) if type_ == "number" else range(len(codes))
    return [(min(place, 64), code) for place, code in zip(places, codes, strict=True)]


def mixed(number: int) -> int:
    """A pseudorandom 64-bit number (splitmix64)."""
    number = (number * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % 2**64
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    number = (number ^ number >> 27) * 0x94D049BB133111EB % 2**64
    return number ^ number >> 31


def side(rows: Sequence[Row], party: str, fields: Sequence[Mapping[str, Any]], parts: Sequence[Segment]) -> Side:
    """An owner's records as filters."""
    filters = []
    for key, part in enumerate(parts):
        bits = np.zeros((len(rows), part.bits), np.int64)
        for i, row in enumerate(rows):
            each = [(normalised(row[fields[k]["columns"][party]], fields[k]), part.type) for k in part.fields]
            for place, code in itertools.chain.from_iterable(itertools.starmap(tokens, each)):
                number = mixed(mixed(place << 21 | code) + key)
                start, step = number % part.bits, 1 + mixed(number) % max(1, part.bits - 1)
                bits[i, (start + np.arange(part.hashes) * step) % part.bits] = 1
        filters.append(bits * (np.cumsum(bits, axis=1) <= part.most))
    weights, nobody = np.stack([bits.sum(axis=1) for bits in filters], axis=1), 2 * sum(part.most for part in parts)
    total = weights.sum(axis=1)
    return Side(np.concatenate(filters, axis=1), weights, np.where(total == 0, nobody, total))


def compared(owners: Sides, fields: Sequence[Mapping[str, Any]], at: Any, smaller: bool) -> tuple[Array, Array]:
    """Every pair's score at a threshold, and its weight D, of which a field that one lacks adds half of the other's
    bits: Dice is 4⟨a,b⟩ / D."""
    parts = segments([field["type"] for field in fields], smaller)
    a, b = (side(rows, party, fields, parts) for rows, party in owners)
    weights = a.weights @ (b.weights > 0).T + (a.weights > 0) @ b.weights.T + a.total[:, None] + b.total
    return 4 * at.denominator * (a.filters @ b.filters.T) - at.numerator * weights, weights


def exact_pairs(sides: Sides, params: Mapping[str, Any]) -> Pairs:
    """The pairs that agree in all fields of `exact`, each record the only one of its owner with these values."""
    chosen = [
        field for field in params["fields"]
        if any(f"{party}.{column}" in params.get("exact", []) for party, column in field["columns"].items())
    ]  # fmt: skip
    alone: list[dict[tuple[str, ...], int]] = []
    for rows, party in sides:
        keys = [tuple(normalised(row[field["columns"][party]], field) for field in chosen) for row in rows]
        alone.append({key: i for i, key in enumerate(keys) if chosen and all(key) and keys.count(key) == 1})
    return [(i, alone[1][key]) for key, i in alone[0].items() if key in alone[1]]


# -- what is released


def _cells(
    linked: Sequence[Mapping[str, Row]], domains: Mapping[str, Sequence[str]], by: Sequence[str]
) -> Iterator[tuple[tuple[str, ...], list[Mapping[str, Row]]]]:
    for cell in itertools.product(*(domains[column] for column in by)):
        yield cell, [row for row in linked if tuple(_value(row, column) for column in by) == cell]


def _value(row: Mapping[str, Row], column: str) -> str:
    party, _, name = column.partition(".")
    return row[party][name]


def statistics(
    found: Sequence[tuple[int, ...]], records: Mapping[str, Sequence[Row]],
    domains: Mapping[str, Any], params: Mapping[str, Any], rules: Mapping[str, Any],
) -> dict[str, list[list[Any]]]:  # fmt: skip
    """Of each cell the count, each measure's mean and variance (n − 1), and each pair's correlation."""
    table, correlation, by, receivers = [], [], params.get("by", []), rules.get("receivers", ())
    measures, pairs = ([*params.get(name, [])] for name in ("measures", "correlations"))
    weight, digits = params.get("weight"), rules.get("digits", figures.DIGITS)
    numbers = rules.get("numbers", released := _own_numbers(measures, pairs, weight))
    times = 1 << figures.step_bits(numbers - released)
    of_class = classes.least_rows(rules["min_count"], times)
    used, spanned = {*measures, *itertools.chain(*pairs)}, {column: len(domains[column]) for column in by}
    records = classes.in_cells(records, used, spanned, domains, receivers, of_class)
    linked = [{party: rows[k] for k, (party, rows) in zip(pair, records.items(), strict=True)} for pair in found]

    def may(rows: Sequence[Mapping[str, Row]], *columns: str) -> bool:
        """Whether what is made of some columns may be shown of so many rows."""
        values = [figures.possible(domains[column]) for column in {*columns, *([weight] if weight else [])}]
        enough = len(rows) >= figures.least_rows(numbers, digits, values)
        of_weight, least = weight and taken(rows, weight), (rules["min_count"], figures.least_held(numbers, digits))
        found = {one: taken(rows, one) for one in columns}
        filled = all(own.fills(some, of_class) for one, (own, some) in found.items() if one.split(".")[0] in receivers)
        return enough and filled and figures.linked_of_enough([*found.values()], of_weight, *least)

    def taken(rows: Sequence[Mapping[str, Row]], column: str) -> figures.Taken:
        party, _, name = column.partition(".")
        own = figures.Own(records[party], name, classes.of_party(by, party), domains[column])
        return own, [row[party] for row in rows]

    def moves(rows: Sequence[Mapping[str, Row]], *columns: str) -> list[figures.Moves]:
        return figures.moves({one: taken(rows, one) for one in columns}, receivers, times)

    for cell, rows in owngroups.shown(_cells(linked, domains, by), by, rules, records):
        weights = None if weight is None else _steps(rows, weight, domains)
        shown: list[Any] = [len(rows) or None]
        for column in measures:
            x, unit = _steps(rows, column, domains), figures.unit(domains[column])
            some = figures.described(x, unit, digits, weights, *moves(rows, column)) if may(rows, column) else None
            shown += some or [None, None]
        table.append([*cell, *shown])
        for pair in pairs:
            both = [_steps(rows, column, domains) for column in pair]
            r = figures.correlation(*both, digits, weights, moves(rows, *pair)) if may(rows, *pair) else None
            correlation.append([*cell, *pair, r])
    return {"statistics": table} | ({"correlation": correlation} if pairs else {})


def _steps(rows: Sequence[Mapping[str, Row]], column: str, domains: Mapping[str, Any]) -> list[int]:
    return [figures.steps(_value(row, column), domains[column]) for row in rows]


def _own_numbers(measures: Sequence[str], pairs: Sequence[Sequence[str]], weight: str | None) -> int:
    """How many numbers are opened of one column's rows, at most: of a measure a total, of each column its spread, of
    each pair a product, and the total of the weights, all of which have a part in those."""
    weights, named = frozenset([weight] if weight else []), {*measures, *itertools.chain(*pairs)}
    opened = [weights, *(weights | {column} for column in (*measures, *named))]
    opened += [weights | pair for pair in {frozenset(pair) for pair in pairs}]
    return max((sum(column in columns for columns in opened) for column in named | weights), default=0)


def match_rates(groups: Any, linked: Sequence[Mapping[str, Row]], domains: Any, least: int) -> Iterator[list[Any]]:
    """Of each group how many records there are, and how many linked: of all groups of a column, or of none."""
    for column, values in groups:
        records = [values.count(value) for value in domains[column]]
        matched = [sum(_value(row, column) == value for row in linked) for value in domains[column]]
        fine = all(m >= least and n - m >= least for n, m in zip(records, matched, strict=True))
        for value, n, m in zip(domains[column], records, matched, strict=True):
            yield [f"{column}={value}", *([n, m, m / n] if fine else [None, None, None])]


def doubtful(best: Pairs, scores: Array, weights: Array, at: Fraction, links: int, least: int) -> list[list[Any]]:
    """Mutual bests whose Dice is less than 1/20 below the threshold, or less than 1/20 above it."""
    distances = [Fraction(int(scores[pair]), int(weights[pair]) * at.denominator) for pair in best]
    below = sum(-BAND <= distance < 0 for distance in distances)
    above = sum(0 <= distance < BAND for distance in distances)
    fine = above >= least and links - above >= least
    rows = {"below": below if below >= least else None, "above": above if fine else None}
    return [[f"just {side} the threshold", number] for side, number in rows.items()]
