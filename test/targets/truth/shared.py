"""Two chains that share two functions; the line in these tells which chain it is."""

from rules import ready


def leaf():
    for _ in range(4):
        pass


def middle(left):
    if left:
        leaf()  # -> leaf
        for _ in range(4):  # under by_left
            pass  # under by_left
    else:
        leaf()  # -> leaf
        for _ in range(4):  # under by_right
            pass  # under by_right


def by_left():
    middle(True)  # -> middle


def by_right():
    middle(False)  # -> middle


def main():
    while True:
        by_left()  # -> by_left
        by_right()  # -> by_right


ready()
main()  # -> main
