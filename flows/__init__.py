"""How operators are joined, a file a dataflow. Knows operators, schemas and Bytewax's stream verbs; opens nothing."""
