"""The coordinator's pages: find data sets, compose jobs, plan, propose and follow them, look at results.

Another client of `mpcgov.coordinator.service`, run by the coordinator's own user. The nodes decide. Start with `app`.
"""
