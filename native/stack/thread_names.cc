#include "stack/thread_names.h"

#include "runtime/maps.h"

namespace pyprof {

ThreadNames::ThreadNames(RemoteMemory* memory, const Runtime& runtime, pid_t pid)
    : memory_(memory), runtime_(runtime), pid_(pid) {}

void ThreadNames::Refresh() { (void)memory_; }

std::string ThreadNames::NameOf(uint64_t python_id, uint64_t native_id) {
  const auto found = python_names_.find(python_id);
  return found != python_names_.end() ? found->second : SystemName(native_id);
}

std::string ThreadNames::SystemName(uint64_t native_id) const {
  std::string name;
  if (!ReadSmallFile(
          "/proc/" + std::to_string(pid_) + "/task/" + std::to_string(native_id) + "/comm",
          &name)) {
    return "";
  }
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name;
}

}  // namespace pyprof
