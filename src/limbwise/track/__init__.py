"""People per frame to people with ids: who is who from one frame to the next."""
