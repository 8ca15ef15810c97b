"""`python -m limbwise`."""

from limbwise.cli import main

main()
