"""mpcgov and its peers, measured side by side: same data, same machine, in turns.

A `workload` makes its data and knows the right answer. A `contender` is a program for it, mpcgov's own or a peer's, run
by separate processes of its own interpreter, one per party. A `race` starts the contenders' processes, lets them run in
turns, checks each answer, and gives medians; `report` shows them.
"""
