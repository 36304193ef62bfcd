/* A thread with a Python thread state that never runs any Python. */
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Resolved from the interpreter that loads this; Python.h would tie it to one minor. */
extern int PyGILState_Ensure(void);
extern void *PyEval_SaveThread(void);

static void *run(void *descriptor) {
  int32_t id = (int32_t)syscall(SYS_gettid);
  PyGILState_Ensure();
  PyEval_SaveThread();
  if (write((int)(intptr_t)descriptor, &id, sizeof(id)) != sizeof(id)) return NULL;
  for (;;) pause();
}

int start_frameless(int descriptor) {
  pthread_t thread;
  return pthread_create(&thread, NULL, run, (void *)(intptr_t)descriptor);
}
