"""The languages of the pages: message catalogues, and the forms of names, dates and numbers.

A language is one file, `api/languages/catalogues/<tag>.po`, named by its BCP 47 tag. English is the
language of the sources and has none. `python -m ops.messages` keeps the files in step with the
sources. What machines read (GraphQL, the log, the command line) is English always.
"""
