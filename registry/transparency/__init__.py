"""The transparency log as pure functions: Merkle trees, leaves, signed notes and witness policies
(RFC 6962, C2SP)."""
