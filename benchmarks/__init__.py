"""How fast it is. Each benchmark is named by its topology, draws it, and checks its answer before its speed counts."""
