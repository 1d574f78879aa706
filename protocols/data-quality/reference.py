"""What data-quality means, in plain Python, disclosure control included."""

ENDS = 20


def run(owners, domains, params, rules):
    """A row for each named column: of how many rows how many have no value, and what the others are like."""
    return {"columns": [_row(column, owners, domains, rules) for column in params["columns"]]}


def _row(column, owners, domains, rules):
    party, name = column.split(".")
    texts, domain = [row[name] for row in owners[party].values()], domains[column]
    here = [text for text in texts if text]
    rows, missing, present = len(texts), len(texts) - len(here), len(here)
    lowest, highest = _ends(here, domain)
    between, different = present - lowest - highest, _different(here, domain)
    inner = between, (missing + between) // 2
    ends = [_shown(end, rules, *inner, (present - end) // 2, (rows - end) // 3) for end in (lowest, highest)]
    different = _shown(different, rules, present - different, (rows - different) // 2)
    missing, rows = _shown(missing, rules, present), _shown(rows, rules)
    rate = None if missing is None else missing / rows
    return [column, rows, missing, rate, different, *ends]


def _shown(number, rules, *left):
    """A number, if it and what it leaves are large enough; for several that may be hidden, what it leaves to each."""
    base = rules.get("round_to") or 1
    return None if min((number, *left)) < rules["min_count"] else (number + base // 2) // base * base


def _different(texts, domain):
    """Of keys and texts only: other columns may span tables, of which it would tell the empty cells."""
    kind = None if isinstance(domain, list) else domain["kind"]
    return len(set(texts)) if kind in ("key", "text") else 0


def _ends(texts, domain):
    """Rows in the lowest and the highest twentieth of the range; none where it has fewer than twenty steps."""
    if isinstance(domain, list) or domain["kind"] in ("key", "text"):
        return 0, 0
    low, high = _steps(domain["min"], domain), _steps(domain["max"], domain)
    places = [(_steps(text, domain) - low) * ENDS // (high - low + 1) for text in texts]
    return (places.count(0), places.count(ENDS - 1)) if high - low + 1 >= ENDS else (0, 0)


def _steps(value, domain):
    if domain["kind"] == "date":
        return _day(*map(int, value.split("-")))
    whole, _, rest = str(value).partition(".")
    return int(whole + rest.ljust(domain.get("places", 0), "0"))


def _day(year, month, day):
    """The number of a day, with March as the first month of a year."""
    year, month = (year, month - 3) if month > 2 else (year - 1, month + 9)
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day
