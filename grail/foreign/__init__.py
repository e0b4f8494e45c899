"""What others send: HTTP with a deadline for the whole, JSON with a bound, URLs without their secrets."""
