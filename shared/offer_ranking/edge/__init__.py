"""The wire contract of Adobe's clients, read and written here alone: what they send, what they are answered."""
