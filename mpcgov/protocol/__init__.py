"""What authors of protocols work with: `api` is all that a program may import, `language` what it may be written in."""
