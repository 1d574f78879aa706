"""What a worker process and its parent share: the messages between them, memory that is never written to a disk, and
how a process gives up its rights."""
