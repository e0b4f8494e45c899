"""Validator: makes work trustworthy."""
