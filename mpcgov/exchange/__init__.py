"""Declarations as other standards write them: Frictionless Table Schema, and the Open Data Contract Standard."""
