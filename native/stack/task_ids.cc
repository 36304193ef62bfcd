#include "stack/task_ids.h"

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

TaskIds::TaskIds(pid_t pid)
    : directory_("/proc/" + std::to_string(pid)), main_native_id_(static_cast<uint64_t>(pid)) {
  const std::vector<uint64_t> ids = NamespaceIds(directory_);
  nested_ = ids.size() > 1;
  if (!ids.empty()) main_native_id_ = ids.back();
}

/// Only threads that are new since the last call are looked into.
void TaskIds::FindOuterIds() {
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

uint64_t TaskIds::Outer(uint64_t native_id) {
  if (!nested_) return native_id;
  if (!outer_ids_.contains(native_id) && scans_.Ready()) {
    scans_.Run([this] { FindOuterIds(); });
  }
  const auto found = outer_ids_.find(native_id);
  return found == outer_ids_.end() ? 0 : found->second;
}

void TaskIds::Forget(uint64_t native_id) {
  const auto found = outer_ids_.find(native_id);
  if (found == outer_ids_.end()) return;
  inner_ids_.erase(found->second);
  outer_ids_.erase(found);
}

}  // namespace pyprof
