"""The signer of the transparency log: its keys, its checkpoints, and its witnesses."""
