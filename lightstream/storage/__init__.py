"""Object stores: opening them, their objects as files, and local directories that stand for what is in them."""
