"""Authentication, authorisation and the read log.

Who asks, what that subject may do, and what was shown to whom.
"""
