"""Records compared field by field, in plain code: what owners compute of their own, and what references are made of."""
