// What a sample costs beside the bare system call that copies the same bytes, flat out.
//
//   reader_bench PID BLOCKS MILLISECONDS_PER_BLOCK
//
// Both sides run in turn, a block each, in one process; every second pair begins with the bare
// side. Prints one JSON object: ns a sample of each block (`ours`, `bare`: CPU time; `wall`:
// elapsed time of our side), what the bare side read (`ranges`, `bytes`), and of our side: system
// calls that read memory per sample, share of samples of threads that are exact, and how often the
// ranges that are read changed between two blocks.

#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "memory/process_memory.h"
#include "runtime/find_runtime.h"
#include "stack/stack_reader.h"

namespace {

constexpr int kWarmUp = 200;

double Now(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

struct Counts {
  size_t samples = 0;
  size_t extra_reads = 0;
  size_t threads = 0;
  size_t exact = 0;
};

/// False when the target could not be read.
bool Sample(pyprof::StackReader* reader, int samples, Counts* counts) {
  for (int i = 0; i < samples; ++i) {
    if (reader->Sample(pyprof::Motion::kPossible) != pyprof::SampleStatus::kOk) return false;
    ++counts->samples;
    counts->extra_reads += reader->extra_reads();
    counts->threads += reader->samples().size();
    for (const auto& sample : reader->samples()) {
      counts->exact += sample.quality == pyprof::Quality::kExact;
    }
  }
  return true;
}

size_t Bytes(const std::vector<pyprof::Range>& ranges) {
  size_t bytes = 0;
  for (const auto& range : ranges) bytes += range.size;
  return bytes;
}

double Share(size_t part, size_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}

void PrintList(const char* name, const std::vector<double>& values) {
  printf("\"%s\":[", name);
  for (size_t i = 0; i < values.size(); ++i) printf("%s%.1f", i > 0 ? "," : "", values[i]);
  printf("],");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: reader_bench PID BLOCKS MILLISECONDS_PER_BLOCK\n");
    return 2;
  }
  const pid_t pid = atoi(argv[1]);
  const int blocks = atoi(argv[2]);
  const double block_time = atof(argv[3]) * 1e6;
  pyprof::ProcessMemory memory(pid);
  const pyprof::AttachResult found = pyprof::RuntimeFinder(pid, &memory).Find();
  if (found.status != pyprof::AttachStatus::kOk) {
    fprintf(stderr, "cannot attach to %d: %s\n", pid, found.detail.c_str());
    return 3;
  }
  pyprof::Tables tables;
  pyprof::StackReader reader(&memory, found.runtime, static_cast<uint64_t>(pid), &tables);

  // The first samples learn the target; the second lot tells how many fill a block.
  Counts warm_up;
  if (!Sample(&reader, kWarmUp, &warm_up)) return 4;
  const double began = Now(CLOCK_MONOTONIC);
  if (!Sample(&reader, kWarmUp, &warm_up)) return 4;
  const double each = (Now(CLOCK_MONOTONIC) - began) / kWarmUp;
  const int samples = static_cast<int>(block_time / each) + 1;

  std::vector<double> ours;
  std::vector<double> wall;
  std::vector<double> bare;
  std::vector<pyprof::Range> ranges;
  std::vector<std::byte> buffer;
  size_t replans = 0;
  size_t failures = 0;
  Counts counts;
  for (int block = 0; block < blocks; ++block) {
    for (const bool bare_side : {block % 2 == 1, block % 2 == 0}) {
      if (!bare_side) {
        const double cpu = Now(CLOCK_THREAD_CPUTIME_ID);
        const double time = Now(CLOCK_MONOTONIC);
        if (!Sample(&reader, samples, &counts)) return 4;
        ours.push_back((Now(CLOCK_THREAD_CPUTIME_ID) - cpu) / samples);
        wall.push_back((Now(CLOCK_MONOTONIC) - time) / samples);
        continue;
      }
      const auto planned = reader.PlannedRanges();
      const std::vector<pyprof::Range> now(planned.begin(), planned.end());
      replans += !ranges.empty() && (now.size() != ranges.size() || Bytes(now) != Bytes(ranges));
      ranges = now;
      buffer.resize(Bytes(ranges));
      const auto whole = static_cast<int64_t>(buffer.size());
      const double cpu = Now(CLOCK_THREAD_CPUTIME_ID);
      for (int i = 0; i < samples; ++i) {
        failures += memory.ReadRanges(ranges, buffer.data()) != whole;
      }
      bare.push_back((Now(CLOCK_THREAD_CPUTIME_ID) - cpu) / samples);
    }
  }
  printf("{");
  PrintList("ours", ours);
  PrintList("bare", bare);
  PrintList("wall", wall);
  printf("\"ranges\":%zu,\"bytes\":%zu,\"replans\":%zu,", ranges.size(), buffer.size(), replans);
  printf("\"shortReads\":%.6f,", Share(failures, static_cast<size_t>(samples) * bare.size()));
  printf("\"readsPerSample\":%.4f,\"threads\":%.2f,\"exact\":%.6f}\n",
         1.0 + Share(counts.extra_reads, counts.samples), Share(counts.threads, counts.samples),
         Share(counts.exact, counts.threads));
  return 0;
}
