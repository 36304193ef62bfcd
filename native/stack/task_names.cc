#include "stack/task_names.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "runtime/maps.h"

namespace pyprof {
namespace {

/// How many names one Refresh reads again: about 10 us each.
constexpr size_t kRefreshAtOnce = 32;

/// Ids of a process or thread in the pid namespaces that it is in, from that of our /proc to its
/// own: the line NSpid of its status file. Empty when that cannot be read.
std::vector<uint64_t> NamespaceIds(const std::string& directory) {
  std::vector<uint64_t> ids;
  std::string status;
  if (!ReadSmallFile(directory + "/status", &status)) return ids;
  constexpr std::string_view kField = "\nNSpid:";
  const size_t line = status.find(kField);
  if (line == std::string::npos) return ids;
  std::istringstream numbers(
      status.substr(line + kField.size(), status.find('\n', line + 1) - line - kField.size()));
  for (uint64_t id = 0; numbers >> id;) ids.push_back(id);
  return ids;
}

}  // namespace

TaskNames::TaskNames(pid_t pid)
    : directory_("/proc/" + std::to_string(pid)), main_native_id_(static_cast<uint64_t>(pid)) {
  const std::vector<uint64_t> ids = NamespaceIds(directory_);
  nested_ = ids.size() > 1;
  if (!ids.empty()) main_native_id_ = ids.back();
}

/// Only threads that are new since the last call are looked into.
void TaskNames::FindOuterIds() {
  std::map<uint64_t, uint64_t> inner_ids;
  std::map<uint64_t, uint64_t> outer_ids;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory_ + "/task", error), end;
       !error && at != end; at.increment(error)) {
    const uint64_t id = std::strtoull(at->path().filename().c_str(), nullptr, 10);
    const auto known = inner_ids_.find(id);
    uint64_t inner = known != inner_ids_.end() ? known->second : 0;
    if (inner == 0) {
      const std::vector<uint64_t> ids = NamespaceIds(at->path().string());
      if (ids.empty()) continue;
      inner = ids.back();
    }
    inner_ids[id] = inner;
    outer_ids[inner] = id;
  }
  inner_ids_ = std::move(inner_ids);
  outer_ids_ = std::move(outer_ids);
}

std::string TaskNames::Read(uint64_t native_id) {
  uint64_t id = native_id;
  if (nested_) {
    if (!outer_ids_.contains(native_id) && scans_.Ready()) {
      scans_.Run([this] { FindOuterIds(); });
    }
    const auto found = outer_ids_.find(native_id);
    if (found == outer_ids_.end()) return "";
    id = found->second;
  }
  std::string name;
  if (!ReadSmallFile(directory_ + "/task/" + std::to_string(id) + "/comm", &name)) return "";
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
