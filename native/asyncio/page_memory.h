#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "memory/remote_memory.h"

namespace pyprof {

/// The target's memory as it is read for one sample: each page is copied at most once, and what the
/// last sample used comes by one vectored read at the beginning. Objects of a kind lie close
/// together, so pages cost little more than the objects alone, and nothing has to be foreseen.
class PageMemory final : public RemoteMemory {
 public:
  explicit PageMemory(RemoteMemory* memory) : memory_(memory) {}

  /// Begins a sample. What was copied for the one before is copied anew, or forgotten.
  void Begin();

  /// Makes sure that all of it is copied, as far as it is readable, by one read at most.
  void Prepare(std::span<const Range> ranges);

  /// From the copies; what is not there yet is read first, all by one read.
  int64_t ReadRanges(std::span<const Range> ranges, std::byte* out) override;

  /// Reads of the target since Begin.
  size_t reads() const { return reads_; }
  /// Whether this sample asked for more than is copied for one.
  bool full() const { return full_; }

 private:
  struct Page {
    size_t offset = 0;  // of its copy
    bool readable = false;
    bool used = false;
  };

  void Copy(std::vector<uint64_t>* wanted);
  Page* Find(uint64_t number);

  RemoteMemory* memory_;
  std::unordered_map<uint64_t, Page> pages_;  // by page number
  std::vector<std::byte> bytes_;
  std::vector<Range> ranges_;
  std::vector<uint64_t> wanted_;
  /// The page that was asked for last.
  uint64_t recent_number_ = 0;
  Page* recent_ = nullptr;
  size_t reads_ = 0;
  bool full_ = false;
};

}  // namespace pyprof
