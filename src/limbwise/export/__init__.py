"""Our networks to files for engines, checked against the networks that they were."""
