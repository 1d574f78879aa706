"""How members of a consortium come to trust each other, and speak to each other."""
