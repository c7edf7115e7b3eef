"""Orders: where each stands, and an exchange on paper that fills them against real ticks."""
