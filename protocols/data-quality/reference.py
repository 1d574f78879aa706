"""What data-quality means, in plain Python, disclosure control included."""

ENDS = 20


def run(owners, domains, params, rules):
    """A row for each named column: of how many rows how many have no value, and what the others are like."""
    return {"columns": [_row(column, owners, domains, rules) for column in params["columns"]]}


def _row(column, owners, domains, rules):
    party, name = column.split(".")
    texts, domain = [row[name] for row in owners[party].values()], domains[column]
    here = [text for text in texts if text]
    missing, present, least = len(texts) - len(here), len(here), rules["min_count"]
    if present < least or not (missing == 0 or missing >= least):
        return [column, None, None, None, None, None, None]
    lowest, highest = _ends(here, domain)
    between, different = present - lowest - highest, _different(here, domain)
    again = present - different
    shown = [
        different if different >= least and (again == 0 or again >= least) else None,
        lowest if lowest >= least and between >= least else None,
        highest if highest >= least and between >= least else None,
    ]
    missing, present, *shown = (_rounded(number, rules) for number in (missing, present, *shown))
    return [column, missing + present, missing, missing / (missing + present), *shown]


def _rounded(number, rules):
    base = rules.get("round_to")
    return number if number is None or base is None else (number + base // 2) // base * base


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
