"""Networks, one architecture a file. Each is a torch module whose forward gives the maps of every supervised stage, the last one final."""
