"""Fields to people, a file a step and a file a method."""
