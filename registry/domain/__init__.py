"""The domain.

What operators, agreements, programmes and administrations are, and which decisions are lawful.
Pure: nothing here reads a database or a clock.
"""
