"""Everything on one machine.

PostgreSQL, the processes of `aeo up`, and the process that records scheduled ends.
"""
