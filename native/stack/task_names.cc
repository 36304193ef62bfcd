#include "stack/task_names.h"

#include <algorithm>
#include <utility>

#include "runtime/maps.h"

namespace pyprof {
namespace {

/// How many names one Refresh reads again: about 10 us each.
constexpr size_t kRefreshAtOnce = 32;

}  // namespace

TaskNames::TaskNames(pid_t pid) : directory_("/proc/" + std::to_string(pid)), ids_(pid) {}

std::string TaskNames::Read(uint64_t native_id) {
  const uint64_t id = ids_.Outer(native_id);
  if (id == 0) return "";
  std::string name;
  if (!ReadSmallFile(directory_ + "/task/" + std::to_string(id) + "/comm", &name)) {
    ids_.Forget(native_id);
    return "";
  }
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name;
}

std::string TaskNames::NameOf(uint64_t native_id) {
  Task& task = tasks_[native_id];
  task.asked = true;
  if (task.name.empty()) task.name = Read(native_id);
  return task.name;
}

void TaskNames::Refresh() {
  std::erase_if(tasks_, [](const auto& entry) { return !entry.second.asked; });
  for (auto& [id, task] : tasks_) task.asked = false;
  for (size_t i = 0; i < std::min(kRefreshAtOnce, tasks_.size()); ++i) {
    auto at = tasks_.upper_bound(refreshed_to_);
    if (at == tasks_.end()) at = tasks_.begin();
    refreshed_to_ = at->first;
    std::string name = Read(at->first);
    if (!name.empty()) at->second.name = std::move(name);
  }
}

}  // namespace pyprof
