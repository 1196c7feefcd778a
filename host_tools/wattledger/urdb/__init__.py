"""Rate sheets of OpenEI's URDB -> tariff files."""
