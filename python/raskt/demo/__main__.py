"""Run the demonstration: ``python -m raskt.demo``."""

from raskt.demo import main

main()
