"""python -m wattledger"""

from wattledger.cli import main

main()
