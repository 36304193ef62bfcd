"""Keeps one core busy until it is killed. Says `ready`."""

print("ready", flush=True)
while True:
    pass
