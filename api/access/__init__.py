"""Authentication, authorisation and the read log: who asks, what that subject may do, and what was shown to whom."""
