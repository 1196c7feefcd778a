"""From a bare module to a meter: images, esptool, backups, and what doctor looks at."""
