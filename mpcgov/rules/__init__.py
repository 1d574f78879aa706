"""The rules that a job states: cells in which nobody can be, disclosure control, and what noise costs a budget."""
