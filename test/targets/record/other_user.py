"""A process of root that becomes another user's, as servers do."""

import os

from harness import hold

os.setgroups([])
os.setgid(65534)
os.setuid(65534)
hold()
