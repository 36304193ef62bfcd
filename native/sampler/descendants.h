#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "sampler/process_events.h"

namespace pyprof {

/// How new processes are found.
enum class DescendantSource {
  /// The kernel tells of every fork: none is missed, however short it lives.
  kEvents,
  /// By the lists of children in /proc, looked at every few milliseconds.
  kChildren,
  /// By the parents of all processes, where the kernel has no lists of children.
  kParents,
};

/// Finds the processes that a process has started, and those that they have started, present and
/// future. Nobody is stopped or traced for it.
///
/// By events no living process is missed. By looking, a process is found at most kLookGap after its
/// start, or twenty times what a look takes if that is longer; one whose parent has ended by then
/// is not found, because the system gives it another parent.
class Descendants {
 public:
  struct Found {
    pid_t pid;
    /// The nearest one above it that was found itself.
    pid_t parent;
  };

  /// The longest time between two looks, ns, as long as these take no more than a twentieth of it.
  static constexpr uint64_t kLookGap = 20'000'000;

  /// The best source that there is.
  explicit Descendants(pid_t root);
  Descendants(pid_t root, DescendantSource source);

  DescendantSource source() const { return source_; }

  /// Processes found since the last call, each once, a parent before its children. May be called
  /// more often than is due; looks no more often than every quarter of kLookGap.
  /// @param now monotonic, ns
  std::vector<Found> Look(uint64_t now);
  /// When to Look again at the latest, monotonic ns.
  uint64_t due() const { return due_; }

  /// To be told that a process has ended: its id may come to mean another one.
  void Ended(pid_t pid);
  /// Living processes that are known, the root among them.
  size_t size() const { return known_.size(); }

 private:
  bool IsAlive(pid_t pid) const;
  bool Add(pid_t pid, pid_t parent, std::vector<Found>* found);
  void TakeEvents(std::vector<Found>* found);
  void Scan(std::vector<Found>* found);
  void ScanParents(std::vector<Found>* found);

  DescendantSource source_;
  std::unique_ptr<ProcessEvents> events_;
  std::vector<ProcessEvents::Event> news_;
  struct Known {
    /// As of ProcessStat; 0 when it had ended before it could be looked at.
    uint64_t start;
    /// Who counts as the parent of its children: itself, or its parent when it was never found
    /// alive.
    pid_t stands_for;
  };
  std::unordered_map<pid_t, Known> known_;
  bool scan_ = true;
  uint64_t not_before_ = 0;
  uint64_t due_ = 0;
};

}  // namespace pyprof
