"""The files of a new home, which explain themselves, and of which the policy allows nothing."""

from __future__ import annotations

NODE_FILE = """\
# The party node of {party}. `address` is what the others dial; `listen`, if given, is what this machine binds.
party: {party}
address: '{address}'
# jobs_at_once: 2     # how many jobs compute here at once, 400 MB and more each; the others wait. By default as many as
#                     # the machine has processors, and memory of 1 GB each, for
# workers: 2          # so many processes link long lists (more than 10^6 keys) in parts side by side; or so many of the
#                     # agency's own cluster, 'dask://host:8786?workers=8'; docs/operations.md
# console: {{listen: '127.0.0.1:7180'}}      # pages for this agency's people, on this machine; docs/console.md
# operations: {{listen: '127.0.0.1:9464'}}    # /health and /metrics for this machine's monitoring
# notify: {{email: {{server: 'mail.example.gov:587', sender: mpc@example.gov, to: [approvers@example.gov]}}}}
#                     # who hears that a job waits, is decided, ends; webhooks and more: docs/operations.md
# log: json           # json or text; by default text on a terminal and JSON elsewhere
"""

DATASETS_FILE = """\
# What this agency holds, for statistics that it may approve. Standing here allows nothing: policy.yaml does.
# Delete the line {} and declare data sets like this one (paths are relative to this file):
#
# jobseekers:
#   source: jobseekers.csv            # csv, parquet, or a database URL with #table
#   max_rows: 1000000
#   columns:
#     person_id: {kind: key}
#     region:    {kind: category, values: [North, South, East, West]}
#     age:       {kind: integer, min: 0, max: 120}
#     income:    {kind: decimal, min: 0, max: 500000, places: 2, unit: EUR}
#     sex:       {kind: category, values: [F, M]}
#     leave:     {kind: category, values: [none, parental, maternity]}
#     born:      {kind: date, min: 1900-01-01, max: 2025-12-31}
#     name:      {kind: text}
#   missing: refuse                   # refuse (default) | drop
#   unique: [person_id]               # columns, or [lists, of columns], that name one row each; needed to link rows
#   impossible: [{sex: M, leave: maternity}]   # combinations of categories that no row has, as everybody knows
{}
"""

POLICY_FILE = """\
# What this agency allows. Protocols, purposes, partners, receivers, ways of linking, data sets and columns that aren't
# written here are denied; as it stands, this file allows nothing. What a data set's other lines don't limit is allowed.
# It is read afresh at each decision: when a job is proposed, when a person approves it, and just before it starts.

approve: manual     # manual: a person says yes to each job | standing: what this file allows proceeds by itself
approvals: 1        # how many different people must say yes, where a person is asked: 1 or 2. Once this says 2, also to
#                   # each change of this file: docs/console.md
# passkeys: required # only a yes that a passkey has signed counts | optional: also one on the command line, as that of
#                   # the system's user. Unless said: required once somebody who may approve has a passkey
# partner_approvals: {"*": 1}       # how many people of a partner must have signed its yes with passkeys
protocols: []       # names such as joint-count, or joint-count@sha256:… to pin one version; "*" for all on this disk
purposes: []        # the purposes allowed, as whole texts; * stands for any text: ["Youth on support, *"]
partners: []        # parties that may compute with us; "*" for all in the consortium
receivers: []       # who may learn results: coordinator, and parties by name, this one included; "*" for all
link: []            # ways of linking rows that we take part in: matcher, oblivious, exact (docs/security/linkage.md)
datasets: {}        # columns that may be used, what for (group, filter, measure, key, identify, quality), least cell:
#   jobseekers:
#     columns: {region: [group], age: [filter]}
#     min_count: 10
#     listed: true                    # the coordinator finds it in its catalogue; else it must know its name
#     contributors: 3                 # a released cell of unlinked rows has min_count rows of each of 3 agencies
#     margins: false                  # no true totals beside suppressed cells; without this line jobs may ask for them
#     max_epsilon: "1"                # only with noise, and at most this much told of a unit by one job; or max_rho
#     total_epsilon: "5"              # and so much in all jobs together; or total_rho. See also: mpcgov node budget
#     matcher_epsilon: "10"           # the most that each matcher of tags may learn of a unit in all jobs together
#     more_tables: ask                # other tables of rows that were released before: ask a person, or refuse
#     overlapping: refuse             # tables whose rows may differ in few from an earlier one's: refuse, or (under
#                                     # approve: manual) ask a person, who is shown in how many; see docs/operations.md
#     filters: [region, "age >= 15"]  # under approve: standing, jobs with other filters wait for a person. A category
#                                     # column stands for any one of its values, a condition for itself; jobs may join
#                                     # them by and
#     partner_filters: {welfare: ["last_year = 2040"]}        # those of partners' filters beside this data set
#     standing_jobs: 12               # under approve: standing, a person is asked once so many jobs have released
#                                     # something, and from the day after this one on
#     standing_until: 2026-12-31
#     rows_per_unit: {person: {rows: 1, key: [person_id]}}     # how many rows one person can have here, and the columns
#                                     # that tell persons apart; jobs with noise must assume as many, by that key
"""
