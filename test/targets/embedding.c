/*
 * A program that embeds Python. Its first argument are its steps, a letter each:
 *   w  say `ready`, and wait for a line on stdin
 *   p  start Python, run it with the other arguments as those of an interpreter, and finalise it
 */
#include <stdio.h>
#include <string.h>

extern int Py_BytesMain(int, char **);

int main(int count, char **arguments) {
  const char *steps = arguments[1];
  for (; *steps != '\0'; steps++) {
    if (*steps == 'w') {
      char line[16];
      puts("ready");
      fflush(stdout);
      if (fgets(line, sizeof(line), stdin) == NULL) return 1;
    } else if (Py_BytesMain(count - 1, arguments + 1) != 0) {
      return 1;
    }
  }
  return 0;
}
