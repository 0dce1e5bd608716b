"""Golden copies.

What a partner may see of all operators, as files that it keeps: made at one position of the ledger,
signed, and the same byte for byte whenever they are made again.
"""
