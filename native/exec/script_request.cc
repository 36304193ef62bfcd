#include "exec/script_request.h"

#include <unordered_set>

namespace pyprof {
namespace {

/// `_PY_EVAL_PLEASE_STOP_BIT` (Include/internal/pycore_ceval.h), which makes the thread look at
/// what is pending and means nothing else when nobody stops the world.
constexpr uint8_t kPleaseStop = 1u << 5;

/// A target with more is damaged or wants to keep us busy.
constexpr size_t kMaxInterpreters = 4096;
constexpr size_t kMaxThreads = 65536;

}  // namespace

ScriptRequest::ScriptRequest(RemoteMemory* memory, RemoteWriter* writer, const Runtime& runtime)
    : memory_(memory), writer_(writer), runtime_(runtime), layout_(runtime_.layout) {}

ScriptRequest::~ScriptRequest() { Withdraw(); }

/// Whether all that is written lies inside of the thread state and nothing overlaps.
bool ScriptRequest::Published() const {
  const auto& d = layout_.debugger;
  const uint64_t size = layout_.thread.size;
  if (d.remote_debugger_support == 0 || d.eval_breaker == 0 || d.script_path_size == 0 ||
      d.remote_debugging_enabled == 0 || layout_.interpreter.threads_main == 0) {
    return false;
  }
  const uint64_t pending = d.remote_debugger_support + d.pending_call;
  const uint64_t path = d.remote_debugger_support + d.script_path;
  const bool apart = pending + 4 <= path || path + d.script_path_size <= pending;
  return apart && pending + 4 <= size && path < size && d.script_path_size <= size - path &&
         d.eval_breaker + 8 <= size;
}

uint64_t ScriptRequest::path_size() const {
  return Published() ? layout_.debugger.script_path_size : 0;
}

uint64_t ScriptRequest::PathAt(uint64_t thread) const {
  return thread + layout_.debugger.remote_debugger_support + layout_.debugger.script_path;
}

uint64_t ScriptRequest::PendingAt(uint64_t thread) const {
  return thread + layout_.debugger.remote_debugger_support + layout_.debugger.pending_call;
}

/// The one with id 0; 0 when it cannot be found. The list begins with the newest, which is where
/// `sys.remote_exec` of 3.14 and 3.15 looks.
uint64_t ScriptRequest::MainInterpreter() {
  uint64_t interpreter = 0;
  if (!memory_->ReadValue(runtime_.address + layout_.runtime.interpreters_head, &interpreter)) {
    return 0;
  }
  for (size_t i = 0; interpreter != 0 && i < kMaxInterpreters; ++i) {
    int64_t id = -1;
    if (!memory_->ReadValue(interpreter + layout_.interpreter.id, &id)) return 0;
    if (id == 0) return interpreter;
    if (!memory_->ReadValue(interpreter + layout_.interpreter.next, &interpreter)) return 0;
  }
  return 0;
}

ExecSwitch ScriptRequest::Switch() {
  if (!Published()) return ExecSwitch::kUnpublished;
  const uint64_t interpreter = MainInterpreter();
  int32_t enabled = 0;  // PyInterpreterState.config.remote_debug
  if (interpreter == 0 ||
      !memory_->ReadValue(interpreter + layout_.debugger.remote_debugging_enabled, &enabled)) {
    return ExecSwitch::kUnreadable;
  }
  return enabled == 1 ? ExecSwitch::kOn : ExecSwitch::kOff;
}

std::vector<ExecThread> ScriptRequest::Threads() {
  std::vector<ExecThread> threads;
  const uint64_t interpreter = Published() && !writer_->Gone() ? MainInterpreter() : 0;
  uint64_t main = 0;
  uint64_t thread = 0;
  if (interpreter == 0 ||
      !memory_->ReadValue(interpreter + layout_.interpreter.threads_main, &main) ||
      !memory_->ReadValue(interpreter + layout_.interpreter.threads_head, &thread)) {
    return threads;
  }
  std::unordered_set<uint64_t> seen;
  while (thread != 0 && threads.size() < kMaxThreads && seen.insert(thread).second) {
    ExecThread found{thread,
                     0,
                     thread == main,
                     false,
                     PathAt(thread),
                     PendingAt(thread),
                     thread + layout_.debugger.eval_breaker};
    uint64_t owner = 0;
    uint64_t next = 0;
    int32_t pending = 0;
    if (thread % 8 != 0 || !memory_->ReadValue(thread + layout_.thread.interp, &owner) ||
        owner != interpreter || !memory_->ReadValue(thread + layout_.thread.next, &next) ||
        !memory_->ReadValue(thread + layout_.thread.native_thread_id, &found.native_id) ||
        !memory_->ReadValue(found.pending_address, &pending)) {
      break;
    }
    found.pending = pending != 0;
    threads.push_back(found);
    thread = next;
  }
  return threads;
}

bool ScriptRequest::IsListed(uint64_t thread) {
  for (const ExecThread& each : Threads()) {
    if (each.state == thread) return true;
  }
  return false;
}

bool ScriptRequest::Write(uint64_t address, const void* from, size_t size) {
  error_ = writer_->Write(address, from, size);
  return error_ == 0;
}

bool ScriptRequest::SetPending(int32_t value) {
  return Write(PendingAt(thread_), &value, sizeof(value));
}

bool ScriptRequest::PathStands() {
  std::string there(path_.size() + 1, '\xff');
  return memory_->Read(PathAt(thread_), there.data(), there.size()) &&
         there.compare(0, path_.size(), path_) == 0 && there.back() == '\0';
}

/// Makes the thread look at what is pending. Reading and writing a byte are two calls, between
/// which the target may change it. So it is written only when none of its bits is set: any of them
/// makes the thread look, and to set one again that was cleared meanwhile could make it wait for a
/// switch of the GIL that nobody asked for. The upper bytes, the version of its instrumentation,
/// are never written.
void ScriptRequest::Nudge() {
  const uint64_t address = thread_ + layout_.debugger.eval_breaker;
  uint8_t events = 0;
  if (memory_->ReadValue(address, &events) && events == 0) {
    Write(address, &kPleaseStop, sizeof(kPleaseStop));
  }
}

AskStatus ScriptRequest::Ask(uint64_t thread, const std::string& path) {
  Withdraw();
  if (Switch() != ExecSwitch::kOn) return AskStatus::kOff;
  if (path.empty() || path.size() >= layout_.debugger.script_path_size) {
    return AskStatus::kPathTooLong;
  }
  if (!IsListed(thread)) return AskStatus::kNoThread;
  int32_t pending = 0;
  if (!memory_->ReadValue(PendingAt(thread), &pending)) return AskStatus::kNoThread;
  if (pending != 0) return AskStatus::kBusy;

  thread_ = thread;
  path_ = path;
  const bool path_written = Write(PathAt(thread), path_.c_str(), path_.size() + 1);
  if (!path_written || !PathStands() || !IsListed(thread)) {
    thread_ = 0;
    if (!path_written) return AskStatus::kWriteFailed;
    return IsListed(thread) ? AskStatus::kDisturbed : AskStatus::kNoThread;
  }
  if (!SetPending(1)) {
    thread_ = 0;
    return AskStatus::kWriteFailed;
  }
  switch (Look()) {  // which sets the bit, too
    case RequestState::kWaiting:
    case RequestState::kTaken:
      return AskStatus::kAsked;
    case RequestState::kReplaced:
      return AskStatus::kDisturbed;
    case RequestState::kGone:
    case RequestState::kNone:
      break;
  }
  return AskStatus::kNoThread;
}

RequestState ScriptRequest::Look() {
  if (thread_ == 0) return RequestState::kNone;
  int32_t pending = 0;
  RequestState state = RequestState::kGone;
  if (IsListed(thread_) && memory_->ReadValue(PendingAt(thread_), &pending)) {
    if (pending == 0) {
      state = RequestState::kTaken;
    } else if (!PathStands()) {
      state = RequestState::kReplaced;
    } else {
      Nudge();
      return RequestState::kWaiting;
    }
  }
  thread_ = 0;
  return state;
}

RequestState ScriptRequest::Withdraw() {
  const RequestState state = Look();
  if (state != RequestState::kWaiting) return state;
  // The bit may stay: without a pending flag the thread looks once and goes on.
  const bool written = SetPending(0);
  int32_t pending = 1;
  const bool withdrawn =
      written && memory_->ReadValue(PendingAt(thread_), &pending) && pending == 0;
  if (!withdrawn) return writer_->Gone() ? RequestState::kGone : RequestState::kWaiting;
  thread_ = 0;
  return RequestState::kNone;
}

}  // namespace pyprof
