#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exec/process_writer.h"
#include "memory/remote_memory.h"
#include "runtime/find_runtime.h"

namespace pyprof {

/// A thread of the main interpreter, and where a request to it is written.
struct ExecThread {
  /// Address of its thread state.
  uint64_t state;
  /// As the target itself sees it.
  uint64_t native_id;
  bool is_main;
  /// A request waits to be taken, whoever made it.
  bool pending;
  uint64_t path_address;
  uint64_t pending_address;
  uint64_t breaker_address;
};

/// Whether the main interpreter takes requests.
enum class ExecSwitch {
  kOn,
  kOff,
  /// The version does not publish where it is asked (3.13).
  kUnpublished,
  kUnreadable,
};

enum class AskStatus {
  kAsked,
  kOff,
  /// Not, or not any more, a thread of the main interpreter.
  kNoThread,
  /// Another debugger's request waits for this thread.
  kBusy,
  kPathTooLong,
  /// The errno is in `error`.
  kWriteFailed,
  /// What stands there is not what was written: another debugger writes at the same time.
  kDisturbed,
};

enum class RequestState {
  /// Nothing was asked, or it has been withdrawn.
  kNone,
  kWaiting,
  /// The target has taken it: the script runs, is about to, or has run.
  kTaken,
  /// Thread or process have ended before they took it.
  kGone,
  /// Another debugger has put its own request in the place of this one.
  kReplaced,
};

/// A request to CPython 3.14 or later to run a script at the next safe point of one of its threads
/// (PEP 768; Include/cpython/pystate.h, `_PyRemoteDebuggerSupport`; Python/ceval_gil.c,
/// `_Py_HandlePending`), made by the offsets that the target publishes. One at a time.
///
/// A thread state is freed when its thread ends, so the thread is looked for in its interpreter's
/// list right before each write. All addresses come from the target; what is written lies inside
/// of a thread state in that list.
class ScriptRequest {
 public:
  ScriptRequest(RemoteMemory* memory, RemoteWriter* writer, const Runtime& runtime);
  /// Withdraws what waits.
  ~ScriptRequest();
  ScriptRequest(const ScriptRequest&) = delete;
  ScriptRequest& operator=(const ScriptRequest&) = delete;

  ExecSwitch Switch();
  /// Of the main interpreter, the newest first; empty where nothing is published, or all is gone.
  std::vector<ExecThread> Threads();
  /// Bytes that hold a path and the NUL behind it; 0 where nothing is published.
  uint64_t path_size() const;

  /// Writes the path, the pending flag and the bit in the eval breaker, in this order, and verifies
  /// them. `path` is as the target sees it.
  AskStatus Ask(uint64_t thread, const std::string& path);
  /// Where the request is. Sets the bit again when something has consumed it alone.
  RequestState Look();
  /// Takes a request back: kNone when none waits any more. Whether the target had taken it right
  /// before cannot be told; the script's own permission to begin decides then.
  RequestState Withdraw();
  /// errno of the last kWriteFailed.
  int error() const { return error_; }

 private:
  uint64_t MainInterpreter();
  bool IsListed(uint64_t thread);
  bool Published() const;
  uint64_t PathAt(uint64_t thread) const;
  uint64_t PendingAt(uint64_t thread) const;
  bool PathStands();
  void Nudge();
  bool Write(uint64_t address, const void* from, size_t size);
  bool SetPending(int32_t value);

  RemoteMemory* memory_;
  RemoteWriter* writer_;
  const Runtime runtime_;
  const Layout& layout_;
  uint64_t thread_ = 0;  // that was asked
  std::string path_;
  int error_ = 0;
};

}  // namespace pyprof
