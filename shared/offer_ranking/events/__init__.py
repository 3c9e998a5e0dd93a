"""What the world tells: proposition events in every spelling, the proposition they come from, its signed token."""
