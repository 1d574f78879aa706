"""The four example registers, and who is who in them, from pseudopeople's simulated people.

pseudopeople's generators put the mistakes of real registers into the records: misspelt names, swapped dates, numbers of
other family members, empty fields. Those stay as they are in the text columns. Beside them stand the columns an
agency would derive before it declares a data set: what can't be read is left empty, nothing is guessed.

Usage: registers.py EXAMPLES-DIRECTORY
"""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterable
from datetime import date
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import pandas as pd
import pseudopeople as psp

YEAR = 2040
REFERENCE_DAY = date(YEAR, 12, 31)
FIRST_BIRTH = date(1900, 1, 1)
SEEDS = {"tax": 1, "taxpayers": 2, "social-security": 3, "welfare": 4, "census": 5}
FIRST_RECORD_ID = {"tax": 100_001, "social-security": 200_001, "welfare": 300_001, "census": 400_001}
KEPT_OF_OTHERS = 1 / 3
"""Share of the people who were never in the welfare register; of those who were, all are kept."""

AGE_GROUPS = {
    0: "0-4",
    5: "5-14",
    15: "15-24",
    25: "25-34",
    35: "35-44",
    45: "45-54",
    55: "55-64",
    65: "65-74",
    75: "75+",
}
SEXES = ("Female", "Male")
RACES = ("White", "Latino", "Black", "Asian", "Multiracial or Other", "AIAN", "NHOPI")
HOUSING = (
    "Household",
    "College",
    "Military",
    "Carceral",
    "Nursing home",
    "Other institutional",
    "Other noninstitutional",
)
FORMS = ("W2", "1099")
ADDRESS = ("street_number", "street_name", "unit_number")


def main(examples: Path) -> None:
    """Writes every data file under `examples`."""
    welfare_events = plain(psp.generate_women_infants_and_children(seed=SEEDS["welfare"], year=None))
    kept = Sample(set(welfare_events["simulant_id"]))
    forms = kept.of(plain(psp.generate_taxes_w2_and_1099(seed=SEEDS["tax"], year=YEAR)))
    registers = {
        "tax": taxpayers(forms),
        "social-security": social_security(kept),
        "welfare": welfare(kept.of(welfare_events)),
        "census": census(kept),
    }
    names = {"tax": "taxpayers", "social-security": "numbers", "welfare": "participants", "census": "residents"}
    registers = {party: numbered(people, party) for party, people in registers.items()}
    for party, people in registers.items():
        write(examples / "agencies" / party / f"{names[party]}.csv", people.drop(columns="simulant_id"))
    write(examples / "agencies" / "tax" / "statements.csv", statements(forms))
    write_truth(examples / "truth", registers)


class Sample:
    """The people the examples are about: everyone ever on welfare, and a fixed third of all others."""

    def __init__(self, always: set[str]) -> None:
        self.always = always

    def of(self, records: pd.DataFrame) -> pd.DataFrame:
        """The records of these people, in their order."""
        kept = [person in self.always or rank("sample", person) < KEPT_OF_OTHERS for person in records["simulant_id"]]
        return records[kept].reset_index(drop=True)


def rank(use: str, person: str) -> float:
    """A number in [0, 1) fixed by use and person: a sample and an order that no version of a library changes."""
    return int.from_bytes(hashlib.sha256(f"{YEAR}:{use}:{person}".encode()).digest()[:6], "big") / 2**48


def plain(records: pd.DataFrame) -> pd.DataFrame:
    """Every value as text without outer blanks; missing is the empty text."""
    values = {name: column.astype(object).where(column.notna(), "") for name, column in records.items()}
    return pd.DataFrame({name: column.astype(str).str.strip() for name, column in values.items()})


def taxpayers(forms: pd.DataFrame) -> pd.DataFrame:
    """One row per taxpayer with a W-2 or 1099 form for the year; wages are the sum of what can be read.

    The agency has matched its forms to taxpayers. Names, number and address are those of the first form.
    The forms hold neither sex nor date of birth; the agency has them from an earlier extract of the social security
    register, which has mistakes of its own.
    """
    extract = plain(psp.generate_social_security(seed=SEEDS["taxpayers"], year=YEAR))
    extract = extract.drop_duplicates("simulant_id")[["simulant_id", "date_of_birth", "sex"]]
    wages = [int(text) if text.isascii() and text.isdecimal() else 0 for text in forms["wages"]]
    per_person = forms.assign(wages=wages).groupby("simulant_id")["wages"].agg(["sum", "size"])
    people = forms.drop_duplicates("simulant_id").merge(extract, how="left", on="simulant_id").fillna("")
    total, count = (people["simulant_id"].map(per_person[name]) for name in ("sum", "size"))
    born = people["date_of_birth"].map(lambda text: iso_date(text, "YYYYMMDD"))
    address = people.filter(like="mailing_address_").rename(columns=lambda name: name.removeprefix("mailing_address_"))
    return pd.DataFrame(
        {
            "simulant_id": people["simulant_id"],
            **people[["ssn", "first_name", "middle_initial", "last_name", "date_of_birth"]],
            **address[[*ADDRESS, "po_box"]],
            "born": born,
            "sex": among(people["sex"], SEXES),
            "age": born.map(age),
            "age_group": born.map(age).map(age_group),
            "dwelling": dwelling(address),
            "first_year": first_tax_years(people["simulant_id"]),
            "forms": count,
            "wages": total.where(total > 0, "").astype(str),
            "monthly_wages": [f"{amount / 12:.2f}" if amount else "" for amount in total],
        }
    )


def first_tax_years(persons: pd.Series[str]) -> pd.Series[str]:
    """The first year with a form, from the agency's own files of earlier years (the sample begins in 2019)."""
    sample = files("pseudopeople") / "data/sample_datasets/taxes_w2_and_1099/taxes_w2_and_1099.parquet"
    with sample.open("rb") as file:
        years = pd.read_parquet(file, columns=["simulant_id", "tax_year"])
    first = years.astype({"simulant_id": str}).groupby("simulant_id")["tax_year"].min()
    return persons.map(first).astype(str)


def statements(forms: pd.DataFrame) -> pd.DataFrame:
    """One row per W-2 or 1099 form, so several per person; in an order of their own."""
    keys = [f"{i}:{person}" for i, person in enumerate(forms["simulant_id"])]
    forms = forms.assign(order=[rank("statements", key) for key in keys]).sort_values("order")
    readable = forms["wages"].map(lambda text: text if text.isascii() and text.isdecimal() else "")
    columns = {"employer": forms["employer_id"], "form": among(forms["tax_form"], FORMS), "wages": readable}
    return pd.DataFrame({"ssn": forms["ssn"], "employer_name": forms["employer_name"], **columns})


def social_security(kept: Sample) -> pd.DataFrame:
    """One row per number ever issued; age and age group are those of the living.

    A number is issued once: its first event is the issue and a second one the death, whatever type was keyed in.
    """
    events = kept.of(plain(psp.generate_social_security(seed=SEEDS["social-security"], year=YEAR)))
    people = events.drop_duplicates("simulant_id")
    deaths = events[events["simulant_id"].duplicated()].drop_duplicates("simulant_id").set_index("simulant_id")
    died = people["simulant_id"].map(deaths["event_date"]).fillna("").map(lambda text: iso_date(text, "YYYYMMDD"))
    living = ~people["simulant_id"].isin(deaths.index)
    born = people["date_of_birth"].map(lambda text: iso_date(text, "YYYYMMDD"))
    return pd.DataFrame(
        {
            **people[["simulant_id", "ssn", "first_name", "middle_name", "last_name", "date_of_birth"]],
            "born": born,
            "sex": among(people["sex"], SEXES),
            "age": born.map(age).where(living, ""),
            "age_group": born.map(age).map(age_group).where(living, ""),
            "issued": people["event_date"].map(lambda text: iso_date(text, "YYYYMMDD")),
            "died": died,
            "status": living.map({True: "living", False: "deceased"}),
        }
    )


def welfare(events: pd.DataFrame) -> pd.DataFrame:
    """One row per person ever in the programme for women, infants and children; details as last reported."""
    events = events[events["year"].astype(int) <= YEAR].sort_values("year", kind="stable")
    years = events.groupby("simulant_id")["year"].agg(["min", "max"])
    people = events.drop_duplicates("simulant_id", keep="last")
    born = people["date_of_birth"].map(lambda text: iso_date(text, "MMDDYYYY"))
    return pd.DataFrame(
        {
            **people[["simulant_id", "first_name", "middle_initial", "last_name", "date_of_birth", *ADDRESS]],
            "born": born,
            "sex": among(people["sex"], SEXES),
            "age": born.map(age),
            "age_group": born.map(age).map(age_group),
            "race_ethnicity": among(people["race_ethnicity"], RACES),
            "dwelling": dwelling(people),
            "first_year": people["simulant_id"].map(years["min"]),
            "last_year": people["simulant_id"].map(years["max"]),
        }
    )


def census(kept: Sample) -> pd.DataFrame:
    """One row per resident counted in April of the year; without a readable date of birth, the reported age stands."""
    people = kept.of(plain(psp.generate_decennial_census(seed=SEEDS["census"], year=YEAR)))
    people = people.drop_duplicates("simulant_id")
    born = people["date_of_birth"].map(lambda text: iso_date(text, "MM/DD/YYYY"))
    reported = people["age"].map(lambda text: text if text.isascii() and text.isdecimal() and int(text) <= 120 else "")
    years = born.map(age).where(born != "", reported)
    return pd.DataFrame(
        {
            **people[["simulant_id", "first_name", "middle_initial", "last_name", "date_of_birth", *ADDRESS]],
            "born": born,
            "sex": among(people["sex"], SEXES),
            "age": years,
            "age_group": years.map(age_group),
            "race_ethnicity": among(people["race_ethnicity"], RACES),
            "dwelling": dwelling(people),
            "housing_type": among(people["housing_type"], HOUSING),
        }
    )


def iso_date(text: str, layout: str) -> str:
    """The date YYYY-MM-DD that a text in this layout names; empty if it names none from 1900 to the reference day."""
    if len(text) != len(layout):
        return ""
    year, month, day = ("".join(c for c, part in zip(text, layout, strict=True) if part == field) for field in "YMD")
    digits = year + month + day
    if not (digits.isascii() and digits.isdecimal()):
        return ""
    try:
        value = date(int(year), int(month), int(day))
    except ValueError:
        return ""
    return value.isoformat() if FIRST_BIRTH <= value <= REFERENCE_DAY else ""


def age(born: str) -> str:
    """Completed years on the reference day, the last of its year; over 120 is a mistake and left empty."""
    years = YEAR - int(born[:4]) if born else 121
    return str(years) if years <= 120 else ""


def age_group(years: str) -> str:
    """The group a number of years falls into."""
    return next(name for low, name in reversed(AGE_GROUPS.items()) if int(years) >= low) if years else ""


def among(column: pd.Series[str], values: Iterable[str]) -> pd.Series[str]:
    """The column, empty where it holds none of the values."""
    return column.where(column.isin(list(values)), "")


def dwelling(people: pd.DataFrame) -> pd.Series[str]:
    """House or apartment, by the address; empty without a street (nobody dwells in a post box)."""
    kind = people["unit_number"].map(lambda unit: "Apartment" if unit else "House")
    return kind.where(people["street_name"] != "", "")


def numbered(people: pd.DataFrame, party: str) -> pd.DataFrame:
    """The people in an order that tells nothing, with record numbers that mean nothing outside this register."""
    order = people["simulant_id"].map(lambda person: rank(party, person))
    people = people.assign(order=order).sort_values("order").drop(columns="order").reset_index(drop=True)
    people.insert(0, "record_id", people.index + FIRST_RECORD_ID[party])
    return people


def write_truth(folder: Path, registers: dict[str, pd.DataFrame]) -> None:
    """Who is who: `persons.csv` has each person's record in every register; a file per two registers has the pairs, and
    one of three who is in all of these."""
    ids = {party: people.set_index("simulant_id")["record_id"] for party, people in registers.items()}
    persons = pd.DataFrame(ids).rename(columns=lambda party: f"{party}.record_id").astype("Int64").sort_index()
    write(folder / "persons.csv", plain(persons.reset_index()))
    three = tuple(f"{party}.record_id" for party in ("tax", "welfare", "census"))
    for some in (*combinations(persons.columns, 2), three):
        together = persons[list(some)].dropna().sort_values(some[0])
        write(folder / f"{'+'.join(one.split('.')[0] for one in some)}.csv", together)


def write(path: Path, table: pd.DataFrame) -> None:
    """A CSV file as the declarations expect it: UTF-8, comma, header, line feeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows(table.itertuples(index=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
