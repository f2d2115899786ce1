"""The nouns: what is read, what is wanted, what is planned, what came of it. No behaviour."""
