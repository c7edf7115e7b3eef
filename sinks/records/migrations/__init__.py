"""How the tables of the records came to be what they are, a file a step; Alembic runs them."""
