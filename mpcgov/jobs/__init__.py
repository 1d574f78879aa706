"""What a job means, worked out by every party alike: whether it makes sense, its noise, and who learns what."""
