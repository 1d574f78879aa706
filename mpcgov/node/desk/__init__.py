"""Where an agency's own people meet its running node: who they are, how they prove it, what they are shown and say.

The console asks here, through a local socket, and knows nothing by itself. This side decides what it gets.
"""
