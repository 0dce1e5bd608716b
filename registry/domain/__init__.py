"""The domain: operators, agreements, programmes, administrations, and their lawful decisions.

The code is pure: nothing here reads a database or a clock.
"""
