"""What becomes of events that came in at the door: trust, caps, the line that is stored."""
