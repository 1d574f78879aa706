"""What a result rests on, in one file that anybody can check without asking anybody."""
