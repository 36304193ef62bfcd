#include "fuzz/input.h"
#include "fuzz/scene.h"
#include "stack/python_threads.h"

/// The input is a script: which Python, then changes of its memory, between which the names of its
/// threads are read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using pyprof::fuzz::Require;
  constexpr int kMaxReads = 12;
  pyprof::fuzz::Input input(data, size);
  pyprof::fuzz::Scene& scene = pyprof::fuzz::Scene::Of(13 + input.Take<uint8_t>() % 3);
  pyprof::test::FakeMemory& memory = scene.python().memory();
  pyprof::PythonThreads threads(&memory, scene.python().runtime());
  const auto read = [&] {
    memory.ResetCounts();
    const auto found = threads.Read();
    Require(memory.counts().reads < 100'000, "a reading ends soon");
    Require(memory.counts().largest < uint64_t{1} << 28, "no read asks for all there is");
    Require(found.size() < 100'000, "there are not more threads than in memory");
    for (const pyprof::PythonThread& thread : found) {
      Require(thread.name.size() < 16'000, "a name is bounded");
    }
  };
  for (int reads = 0; !input.empty() && reads < kMaxReads;) {
    if (input.Take<uint8_t>() < 64) {
      read();
      ++reads;
    } else {
      pyprof::fuzz::Change::Take(&input).Apply(&scene);
    }
  }
  read();
  scene.Restore();
  return 0;
}
