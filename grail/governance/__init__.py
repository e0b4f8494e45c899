"""What token holders may change: names, units, bounds, defaults. Pure tables, no chain."""
