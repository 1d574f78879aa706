#!/bin/sh
# Three agencies' homes and a coordinator's in a folder, with the example data, keys, and a roster that all have joined.
# In earnest each of them does its own part, on its own machine, and the digests are compared by telephone.
# usage: sandbox.sh DIR    AGENCIES: the examples' folder; TAX, WELFARE, CENSUS: addresses; OWNER: whose the homes become
set -eu
homes=$1
agencies=${AGENCIES:-$(dirname "$0")/../agencies}
[ -e "$homes/hq/roster.json" ] && { echo "set up already"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

address() {
  case $1 in
    tax) echo "${TAX:-tax:7101}" ;;
    welfare) echo "${WELFARE:-welfare:7101}" ;;
    census) echo "${CENSUS:-census:7101}" ;;
  esac
}

for party in tax welfare census; do
  mkdir -p "$homes/$party"
  cp -R "$agencies/$party/." "$homes/$party/"
  mpcgov node init --home "$homes/$party" --party "$party" --address "$(address "$party")"
  # In a container the address is the node's own.
  [ -z "${OWNER:-}" ] || echo "operations: {listen: '127.0.0.1:9464'}" >> "$homes/$party/node.yaml"
  mpcgov card --home "$homes/$party" > "$work/$party.card"
done
mpcgov coordinator init --home "$homes/hq" --name hq
mpcgov consortium create --home "$homes/hq" "$work/tax.card" "$work/welfare.card" "$work/census.card" --out "$work/roster.json"
for party in tax welfare census; do mpcgov consortium sign --home "$homes/$party" "$work/roster.json"; done
for name in tax welfare census hq; do mpcgov consortium join --home "$homes/$name" "$work/roster.json"; done
[ -z "${OWNER:-}" ] || chown -R "$OWNER:$OWNER" "$homes"/*
