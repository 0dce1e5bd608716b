"""The sender of webhooks: tells partners that there are changes to read, each on a lane of its
own."""
