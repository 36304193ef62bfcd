// What a sample costs beside the bare system call that copies the same bytes.
//
//   reader_bench PID BLOCKS SAMPLES_PER_BLOCK
//
// Both sides run in turn, a block each, in one process. Prints one JSON object: CPU ns per sample
// of each block of both sides, ranges and bytes of the planned read, reads per sample.

#include <sys/prctl.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "memory/process_memory.h"
#include "runtime/find_runtime.h"
#include "stack/stack_reader.h"

namespace {

double CpuNow() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

void PrintList(const char* name, const std::vector<double>& values) {
  printf("\"%s\":[", name);
  for (size_t i = 0; i < values.size(); ++i) printf("%s%.1f", i > 0 ? "," : "", values[i]);
  printf("]");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const pid_t pid = atoi(argv[1]);
  const int blocks = atoi(argv[2]);
  const int samples = atoi(argv[3]);
  pyprof::ProcessMemory memory(pid);
  const pyprof::AttachResult found = pyprof::RuntimeFinder(pid, &memory).Find();
  if (found.status != pyprof::AttachStatus::kOk) {
    fprintf(stderr, "cannot attach to %d: %s\n", pid, found.detail.c_str());
    return 3;
  }
  pyprof::Tables tables;
  pyprof::StackReader reader(&memory, found.runtime, static_cast<uint64_t>(pid), &tables);
  for (int i = 0; i < 200; ++i) reader.Sample(pyprof::Motion::kPossible);

  std::vector<double> ours;
  std::vector<double> bare;
  std::vector<std::byte> buffer;
  size_t extra = 0;
  size_t exact = 0;
  size_t total = 0;
  for (int block = 0; block < blocks; ++block) {
    double start = CpuNow();
    for (int i = 0; i < samples; ++i) {
      if (reader.Sample(pyprof::Motion::kPossible) != pyprof::SampleStatus::kOk) return 4;
      extra += reader.extra_reads();
      total += reader.samples().size();
      for (const auto& sample : reader.samples())
        exact += sample.quality == pyprof::Quality::kExact;
    }
    ours.push_back((CpuNow() - start) / samples);

    const auto planned = reader.PlannedRanges();
    const std::vector<pyprof::Range> ranges(planned.begin(), planned.end());
    size_t bytes = 0;
    for (const auto& range : ranges) bytes += range.size;
    buffer.resize(bytes);
    start = CpuNow();
    for (int i = 0; i < samples; ++i) memory.ReadRanges(ranges, buffer.data());
    bare.push_back((CpuNow() - start) / samples);
  }
  printf("{");
  PrintList("ours", ours);
  printf(",");
  PrintList("bare", bare);
  printf(",\"ranges\":%zu,\"bytes\":%zu,\"readsPerSample\":%.4f,\"exact\":%.6f}\n",
         reader.PlannedRanges().size(), buffer.size(),
         1.0 + static_cast<double>(extra) / (static_cast<double>(blocks) * samples),
         total > 0 ? static_cast<double>(exact) / static_cast<double>(total) : 0.0);
  return 0;
}
