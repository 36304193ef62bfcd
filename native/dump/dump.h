#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "code/tables.h"
#include "dump/picture.h"
#include "runtime/core_file.h"
#include "runtime/find_runtime.h"
#include "sampler/sampler.h"
#include "sampler/target.h"

namespace pyprof {

struct DumpOptions {
  /// kLive, kExact or kStop.
  Reading reading = Reading::kExact;
  bool tasks = false;
  std::optional<ValueLimits> values;
  std::set<uint64_t> threads;
  std::optional<size_t> frame;
};

/// One thread at the instant of the dump.
struct DumpThread {
  ThreadSample sample;
  std::string name;
  /// Its id in our own /proc; 0: not known.
  uint64_t outer_id = 0;
  std::vector<PictureFrame> frames;
};

/// All of one process at one instant, as far as it is proved to be one.
struct Dump {
  /// Why there is nothing; kOk when there is.
  AttachStatus status = AttachStatus::kNotPython;
  std::string detail;

  std::string python_version;
  Reading reading = Reading::kLive;
  ReadingChange reading_change = ReadingChange::kNone;
  /// The picture is of one instant: of all threads under the main interpreter's GIL, of all when
  /// the process was stopped.
  bool proved = false;
  /// How often the picture was taken until it was.
  size_t attempts = 0;
  /// Time for which the process was stopped, or its core was shared; at the last attempt, ns.
  uint64_t duration = 0;
  /// Bits of the states that are known.
  uint8_t known_states = 0;
  bool limit_reached = false;
  bool loop_seen = false;
  bool tasks_cut = false;
  /// Whether the version publishes where tasks are.
  bool has_task_table = true;
  std::vector<DumpThread> threads;
  std::vector<PictureTask> tasks;
  NewRows rows;
};

/// Takes a picture of a live process. With kExact, which neither stops nor writes, it is taken
/// again until it is proved, for a bounded time.
Dump DumpProcess(pid_t pid, const DumpOptions& options);

/// The same from a core file, which stands still.
Dump DumpCore(CoreFile* core, const DumpOptions& options);

}  // namespace pyprof
