"""Dead letters: looked at, written back to where they came from, or marked as dealt with. Nothing is deleted."""
