"""What the paper exchange (``matching.py``) is made of."""
