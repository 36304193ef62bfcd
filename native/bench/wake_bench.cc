// What a schedule costs that does nothing: wakes up at absolute times, as a sampler does.
//
//   wake_bench HZ SECONDS
//
// Its CPU time is what any profiler that wakes up for its samples pays on this machine.

#include <sys/prctl.h>
#include <time.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: wake_bench HZ SECONDS\n");
    return 2;
  }
  const auto gap = static_cast<long>(1e9 / atof(argv[1]));
  const auto ticks = static_cast<long>(atof(argv[1]) * atof(argv[2]));
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  timespec next{};
  clock_gettime(CLOCK_MONOTONIC, &next);
  for (long tick = 0; tick < ticks; ++tick) {
    next.tv_nsec += gap;
    next.tv_sec += next.tv_nsec / 1'000'000'000;
    next.tv_nsec %= 1'000'000'000;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr) == EINTR) {
    }
  }
  return 0;
}
