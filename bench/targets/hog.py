"""Keeps one core busy until it is killed. Says `ready`."""

from parent import die_with_parent

die_with_parent()
print("ready", flush=True)
while True:
    pass
