"""Credentials: an operator's own authorisation as a signed statement, and the check of one.

Keys and DID document, claims, status lists, the PDF that carries a credential, and what a stranger
presents: a code, a link, a picture, a file.
"""
