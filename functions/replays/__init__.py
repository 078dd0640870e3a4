"""Two definitions asked the same inputs, and which of them answers better."""
