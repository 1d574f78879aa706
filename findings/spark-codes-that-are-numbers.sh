#!/bin/sh
# Spark 4.0.5 reads a folder by code that it wrote itself, code=5D and code=5F, as one code, 5.0, since Java's numbers may end
# in D and F; so are 1E2 and 100 one, and 01 and 1. `inferSchema` does the same to a CSV file, and '5D' = 5.0 is true in a
# join. Codes of classes, or of age and sex (10F), meet that. spark.sql.sources.partitionColumnTypeInference.enabled=false
# keeps texts; for XML the inference was mended (databricks/spark-xml#644). Needs Java. Fails if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet pyspark==4.0.5 2>/dev/null
cd "$folder"
"$folder/env/bin/python" - 2>/dev/null <<'PY'
import csv

from pyspark.sql import SparkSession

session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()


def again(*codes):
    rows = session.createDataFrame([(code, 1) for code in codes], "code string, n int")
    rows.write.partitionBy("code").parquet("-".join(codes))
    return {str(row[0]): row[1] for row in session.read.parquet("-".join(codes)).groupBy("code").sum("n").collect()}


found = [again(*codes) for codes in (("5D", "5F"), ("1E2", "100"), ("01", "1"), ("5D", "5E"))]
with open("d.csv", "w", newline="") as file:
    csv.writer(file).writerows([["code"], ["5D"], ["5F"]])
from_csv = [row[0] for row in session.read.csv("d.csv", header=True, inferSchema=True).collect()]
(equal,) = session.sql("SELECT '5D' = 5.0D").first()
print(f"spark {session.version}, rows by code: {found}; in CSV {from_csv}; '5D' = 5.0: {equal}")
session.stop()
assert found == [{"5.0": 2}, {"100": 2}, {"1": 2}, {"5D": 1, "5E": 1}], "codes stay apart now"
assert from_csv == [5.0, 5.0] and equal
PY
