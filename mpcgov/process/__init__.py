"""What a worker process and its parent share: the messages between them, and memory that is never written to a disk."""
