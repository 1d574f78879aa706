"""The agency's pages: a process of its own that shows what the node's desk answers, and passes on what people sign.

It has no keys, no data and no database: it reads its own package and talks to one socket. Start with `app`.
"""
