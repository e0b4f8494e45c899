"""What pages and JSON show: each view is a function from the index to plain values. Knows no HTML and no chain."""
