#include "sampler/descendants.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "memory/clock.h"
#include "runtime/maps.h"
#include "sampler/process_stat.h"

namespace pyprof {
namespace {

/// Looks take a twentieth of one core at most.
constexpr uint64_t kLookShare = 20;
/// The socket's buffer is emptied as often as this, ns.
constexpr uint64_t kEventGap = 100 * kMillisecond;

/// Calls `visit` with each number that names an entry of a directory; false when there is none.
template <typename Visit>
bool ForEachId(const std::string& path, const Visit& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (folder == nullptr) return false;
  while (const dirent* entry = readdir(folder.get())) {
    const auto id = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (id > 0) visit(id);
  }
  return true;
}

std::string ChildrenPath(pid_t pid, pid_t tid) {
  return "/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/children";
}

/// A child hangs on the thread that started it, and on another one when that has ended. False when
/// the process is gone.
bool ListChildren(pid_t pid, std::vector<pid_t>* children) {
  std::string text;
  return ForEachId("/proc/" + std::to_string(pid) + "/task", [&](pid_t tid) {
    if (!ReadSmallFile(ChildrenPath(pid, tid), &text)) return;
    const char* at = text.c_str();
    while (true) {
      char* end = nullptr;
      const auto child = static_cast<pid_t>(std::strtol(at, &end, 10));
      if (end == at) return;
      if (child > 0) children->push_back(child);
      at = end;
    }
  });
}

/// Whether this kernel lists children (CONFIG_PROC_CHILDREN).
bool HasChildrenLists() { return access(ChildrenPath(getpid(), getpid()).c_str(), R_OK) == 0; }

}  // namespace

Descendants::Descendants(pid_t root) : Descendants(root, DescendantSource::kEvents) {}

Descendants::Descendants(pid_t root, DescendantSource source) : source_(source) {
  if (source_ == DescendantSource::kEvents) {
    events_ = std::make_unique<ProcessEvents>();
    if (!events_->available()) source_ = DescendantSource::kChildren;
  }
  if (source_ != DescendantSource::kEvents) events_ = nullptr;
  if (source_ == DescendantSource::kChildren && !HasChildrenLists()) {
    source_ = DescendantSource::kParents;
  }
  const auto stat = ReadProcessStat(root);
  known_.emplace(root, Known{stat ? stat->start : 0, root});
}

bool Descendants::IsAlive(pid_t pid) const {
  const auto known = known_.find(pid);
  if (known == known_.end()) return false;
  const auto stat = ReadProcessStat(pid);
  return stat && stat->start == known->second.start && !stat->Ended();
}

void Descendants::Ended(pid_t pid) {
  if (!IsAlive(pid)) known_.erase(pid);
}

/// Adds a child of a known process, when it is there; false when it is not, or is known already.
bool Descendants::Add(pid_t pid, pid_t parent, std::vector<Found>* found) {
  const auto stat = ReadProcessStat(pid);
  if (!stat || stat->Ended()) return false;
  const auto known = known_.find(pid);
  if (known != known_.end() && known->second.start == stat->start) return false;
  // Another process may have the number by now, but not the parent, unless the parent has ended
  // too.
  if (stat->parent != parent && IsAlive(parent)) return false;
  const pid_t above = known_.at(parent).stands_for;
  known_.insert_or_assign(pid, Known{stat->start, pid});
  found->push_back({pid, above});
  return true;
}

void Descendants::TakeEvents(std::vector<Found>* found) {
  news_.clear();
  // What was lost is looked for.
  if (!events_->Take(&news_)) scan_ = true;
  for (const ProcessEvents::Event& event : news_) {
    if (event.is_fork) {
      const auto parent = known_.find(event.parent);
      if (parent == known_.end()) continue;
      // One that has come and gone may have left children of its own.
      const pid_t above = parent->second.stands_for;
      if (!Add(event.pid, event.parent, found)) known_.try_emplace(event.pid, Known{0, above});
    } else if (known_.contains(event.pid)) {
      Ended(event.pid);
    }
  }
}

void Descendants::Scan(std::vector<Found>* found) {
  std::vector<pid_t> parents;
  for (const auto& [pid, start] : known_) parents.push_back(pid);
  std::vector<pid_t> children;
  for (size_t i = 0; i < parents.size(); ++i) {
    const pid_t parent = parents[i];
    children.clear();
    if (!ListChildren(parent, &children)) {
      known_.erase(parent);
      continue;
    }
    for (const pid_t child : children) {
      if (known_.contains(child)) continue;
      if (Add(child, parent, found)) parents.push_back(child);
    }
  }
}

void Descendants::ScanParents(std::vector<Found>* found) {
  std::vector<std::pair<pid_t, pid_t>> processes;  // with their parents
  ForEachId("/proc", [&processes](pid_t pid) {
    const auto stat = ReadProcessStat(pid);
    if (stat && !stat->Ended()) processes.emplace_back(pid, stat->parent);
  });
  std::erase_if(known_, [&processes](const auto& known) {
    return std::none_of(processes.begin(), processes.end(),
                        [&known](const auto& process) { return process.first == known.first; });
  });
  for (bool more = true; more;) {
    more = false;
    for (const auto& [pid, parent] : processes) {
      if (known_.contains(pid) || !known_.contains(parent)) continue;
      more = Add(pid, parent, found) || more;
    }
  }
}

std::vector<Descendants::Found> Descendants::Look(uint64_t now) {
  std::vector<Found> found;
  if (source_ == DescendantSource::kEvents) {
    TakeEvents(&found);
    due_ = now + kEventGap;
  } else if (now >= not_before_) {
    scan_ = true;
  }
  if (!scan_) return found;
  scan_ = false;
  const uint64_t start = Now();
  if (source_ == DescendantSource::kParents) {
    ScanParents(&found);
  } else {
    Scan(&found);
  }
  const uint64_t pause = kLookShare * (Now() - start);
  if (source_ != DescendantSource::kEvents) {
    not_before_ = now + std::max(kLookGap / 4, pause);
    due_ = now + std::max(kLookGap, pause);
  }
  return found;
}

}  // namespace pyprof
