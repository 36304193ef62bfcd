#include "stack/thread_names.h"

#include <utility>

namespace pyprof {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
/// A thread can wait this long for the GIL before it registers itself.
constexpr uint64_t kMayRegister = kSecond;
/// How long a thread's last name outlives its registration: it ends soon after.
constexpr uint64_t kKeep = 2 * kSecond;
/// How often names of the operating system are looked at again.
constexpr uint64_t kTaskGap = kSecond / 2;

}  // namespace

ThreadNames::ThreadNames(RemoteMemory* memory, const Runtime& runtime, pid_t pid)
    : python_threads_(memory, runtime), tasks_(pid) {}

void ThreadNames::ReadPythonNames() {
  limit_.Run([this] {
    const uint64_t now = Now();
    std::vector<PythonThread> found = python_threads_.Read();
    // The main interpreter, which comes first, is to have the last word: a thread that another one
    // came across has only a made-up name there.
    for (auto thread = found.rbegin(); thread != found.rend(); ++thread) {
      if (thread->is_main) {
        Known& main = threads_[{thread->python_id, tasks_.main_native_id()}];
        main.name = thread->name;
        main.used_at = now;
      }
      Known& known = threads_[{thread->python_id, thread->native_id}];
      known.name = std::move(thread->name);
      known.used_at = now;
    }
  });
  std::erase_if(awaited_, [this](const ThreadId& id) {
    const auto at = threads_.find(id);
    return at == threads_.end() || !at->second.name.empty();
  });
}

void ThreadNames::Refresh() {
  ReadPythonNames();
  const uint64_t now = Now();
  std::erase_if(threads_, [now](const auto& entry) { return now - entry.second.used_at > kKeep; });
  if (now - tasks_read_at_ < kTaskGap) return;
  tasks_read_at_ = now;
  tasks_.Refresh();
}

std::string ThreadNames::NameOf(uint64_t python_id, uint64_t native_id) {
  const ThreadId id{python_id, native_id};
  const uint64_t now = Now();
  const auto [at, is_new] = threads_.try_emplace(id);
  if (is_new) {
    at->second.awaited_until = now + kMayRegister;
    awaited_.push_back(id);
  }
  at->second.used_at = now;
  if (at->second.name.empty() && limit_.Ready()) ReadPythonNames();
  const std::string& name = threads_[id].name;
  return name.empty() ? tasks_.NameOf(native_id) : name;
}

bool ThreadNames::RefreshIsWanted() {
  if (awaited_.empty()) return false;
  const uint64_t now = Now();
  std::erase_if(awaited_, [this, now](const ThreadId& id) {
    const auto at = threads_.find(id);
    return at == threads_.end() || at->second.awaited_until < now;
  });
  return !awaited_.empty() && limit_.Ready();
}

}  // namespace pyprof
