"""From scores to money [C]: pure, integers, every rounding named."""
