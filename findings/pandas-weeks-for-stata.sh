#!/bin/sh
# pandas 3.1.1 writes 31 December 2020 for Stata's weeks (`convert_dates={"d": "tw"}`) as 3172, the first week of 2021, and
# reads it back as 1 January 2021. So it does with each last day of a year, and with 30 December of leap years: it divides the
# day of the year by 7 and has a 53rd week. Stata's years have 52, the last of 8 or 9 days. No year's total is right then.
# Other units are. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet pandas==3.1.1 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - <<'PY'
import pandas

DAYS = ["2020-12-29", "2020-12-30", "2020-12-31", "2021-12-30", "2021-12-31"]


def back(unit):
    pandas.DataFrame({"d": pandas.to_datetime(DAYS)}).to_stata("d.dta", convert_dates={"d": unit}, write_index=False)
    dates = pandas.read_stata("d.dta")["d"]
    return dates.dt.year.to_list(), pandas.read_stata("d.dta", convert_dates=False)["d"].astype(int).to_list()


years, weeks = back("tw")
for day, year, week in zip(DAYS, years, weeks):
    of_stata = min(week, (int(day[:4]) - 1960) * 52 + 51)
    print(f"pandas {pandas.__version__}: {day} is written as week {week} and read in {year}; Stata's is {of_stata}")
assert weeks == [3171, 3172, 3172, 3223, 3224] and years == [2020, 2021, 2021, 2021, 2022], "a year has 52 weeks now"
assert all(back(unit)[0] == [2020, 2020, 2020, 2021, 2021] for unit in ("ty", "th", "tq", "tm", "td"))
PY
