"""Counts become what people look at: rates with their uncertainty, and what the events of a dataset are."""
