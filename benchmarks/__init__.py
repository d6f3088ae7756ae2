"""Commands that print figures: speed, memory and quality. None of them is a test."""
