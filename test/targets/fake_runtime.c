/*
 * A program that is no Python but looks like one:
 *   -DVERSION=0x…  has the symbol Py_Version, as CPython since 3.11
 *   -DSECTION      has a section .PyRuntime, filled with the file that the first argument names
 *   -DSYMBOL=name  has a symbol of that name
 * With a section, lines `INDEX HEX` on stdin set a 64-bit word of it, each answered by `set`.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#ifdef VERSION
const unsigned long Py_Version = VERSION;
#endif
#ifdef SYMBOL
int SYMBOL(void) { return 0; }
#endif
#ifdef SECTION
__attribute__((section(".PyRuntime"), used)) volatile uint64_t runtime[1024] = {1};
#endif

static void say(const char *word) {
  puts(word);
  fflush(stdout);
}

int main(int count, char **arguments) {
#ifdef SECTION
  FILE *file = count > 1 ? fopen(arguments[1], "rb") : NULL;
  uint64_t word;
  for (int i = 0; file != NULL && fread(&word, sizeof(word), 1, file) == 1; i++) runtime[i] = word;
  unsigned index;
  say("ready");
  while (scanf("%u %" SCNx64, &index, &word) == 2) {
    runtime[index] = word;
    say("set");
  }
#else
  (void)count;
  (void)arguments;
  say("ready");
#endif
  alarm(300); /* in case nobody lives to end it */
  for (;;) pause();
}
