"""What happens, told to whoever waits for it."""
