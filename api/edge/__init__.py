"""The edge: a partner's border post answers the register's question on its own machine.

It has a golden copy in SQLite, kept by deltas or by what changed since, answers without a line, and
says how old its data is. It records nothing but its own looks, which it hands back.
"""
