#include <napi.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "addon_dump.h"
#include "exec/exec_target.h"
#include "memory/process_memory.h"
#include "runtime/find_runtime.h"
#include "sampler/core_sharing.h"
#include "sampler/sampler.h"

// The binding between the native core and src/sampling/addon.ts, which is its contract: unmarshal,
// call, marshal, and nothing else. Arguments were validated in TypeScript.

namespace {

using pyprof::AskStatus;
using pyprof::AttachResult;
using pyprof::AttachStatus;
using pyprof::EndReason;
using pyprof::ExecSwitch;
using pyprof::Reading;
using pyprof::ReadingChange;
using pyprof::RequestState;
using pyprof::SamplerState;

const char* Name(AttachStatus status) {
  switch (status) {
    case AttachStatus::kOk:
      return "";
    case AttachStatus::kNoSuchProcess:
      return "no-such-process";
    case AttachStatus::kPermission:
      return "permission";
    case AttachStatus::kNotPython:
      return "not-python";
    case AttachStatus::kUnsupportedVersion:
      return "unsupported-version";
    case AttachStatus::kBadLayout:
      return "bad-layout";
    case AttachStatus::kNotStarted:
      return "not-started";
    case AttachStatus::kNoTaskTable:
      return "no-task-table";
  }
  return "";
}

const char* Name(Reading reading) {
  switch (reading) {
    case Reading::kAuto:
      return "auto";
    case Reading::kLive:
      return "live";
    case Reading::kExact:
      return "exact";
    case Reading::kStop:
      return "stop";
  }
  return "";
}

const char* Name(ReadingChange change) {
  switch (change) {
    case ReadingChange::kNone:
      return "";
    case ReadingChange::kOverBudget:
      return "over-budget";
    case ReadingChange::kNoGil:
      return "no-gil";
    case ReadingChange::kCoreNotAllowed:
      return "core-not-allowed";
    case ReadingChange::kNoRunCount:
      return "no-run-count";
    case ReadingChange::kSeveralProcesses:
      return "several-processes";
  }
  return "";
}

const char* Name(const std::optional<pyprof::DescendantSource>& source) {
  if (!source) return "";
  return *source == pyprof::DescendantSource::kEvents ? "events" : "polling";
}

Reading ReadingNamed(const std::string& name) {
  for (const Reading reading : {Reading::kLive, Reading::kExact, Reading::kStop}) {
    if (name == Name(reading)) return reading;
  }
  return Reading::kAuto;
}

std::optional<pyprof::TaskScope> TasksNamed(const std::string& name) {
  if (name == "running") return pyprof::TaskScope::kRunning;
  if (name == "all") return pyprof::TaskScope::kAll;
  return std::nullopt;
}

const char* Name(SamplerState state) {
  switch (state) {
    case SamplerState::kSearching:
      return "searching";
    case SamplerState::kSampling:
      return "sampling";
    case SamplerState::kEnded:
      return "ended";
  }
  return "";
}

const char* Name(EndReason reason) {
  switch (reason) {
    case EndReason::kNone:
      return "";
    case EndReason::kDuration:
      return "duration";
    case EndReason::kStopped:
      return "stopped";
    case EndReason::kExited:
      return "exited";
    case EndReason::kLostAccess:
      return "lost-access";
    case EndReason::kNeverPython:
      return "never-python";
    case EndReason::kNotPythonAfterExec:
      return "not-python-after-exec";
  }
  return "";
}

template <typename Array, typename T>
Array Numbers(Napi::Env env, const std::vector<T>& values) {
  Array array = Array::New(env, values.size());
  std::copy(values.begin(), values.end(), array.Data());
  return array;
}

/// Typed arrays for the samples of a batch, all in one buffer that is used for every batch: ten
/// times a second a new one would keep the garbage collector busy.
class SampleArrays {
 public:
  /// Sets the columns; they are valid until the next call.
  void Set(Napi::Env env, const pyprof::SampleColumns& samples, Napi::Object* out) {
    const size_t rows = samples.Length();
    if (buffer_.IsEmpty() || rows > room_ || (room_ > kLeastRoom && rows < room_ / 16)) {
      room_ = std::max(kLeastRoom, rows * 2);
      buffer_ = Napi::Persistent(Napi::ArrayBuffer::New(env, room_ * kRowBytes));
    }
    size_t offset = 0;
    // The widest first, so that each column is aligned.
    Column<Napi::Float64Array>(env, "time", samples.time, &offset, out);
    Column<Napi::Float64Array>(env, "weight", samples.weight, &offset, out);
    Column<Napi::Float64Array>(env, "cpu", samples.cpu, &offset, out);
    Column<Napi::Int32Array>(env, "thread", samples.thread, &offset, out);
    Column<Napi::Int32Array>(env, "stack", samples.stack, &offset, out);
    Column<Napi::Uint8Array>(env, "quality", samples.quality, &offset, out);
    Column<Napi::Uint8Array>(env, "reason", samples.reason, &offset, out);
    Column<Napi::Uint8Array>(env, "state", samples.state, &offset, out);
  }

 private:
  static constexpr size_t kLeastRoom = 4096;
  static constexpr size_t kRowBytes = 3 * sizeof(double) + 2 * sizeof(int32_t) + 3;

  template <typename Array, typename T>
  void Column(Napi::Env env, const char* name, const std::vector<T>& values, size_t* offset,
              Napi::Object* out) {
    Array array = Array::New(env, values.size(), buffer_.Value(), *offset);
    std::copy(values.begin(), values.end(), array.Data());
    (*out)[name] = array;
    *offset += room_ * sizeof(T);
  }

  size_t room_ = 0;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
};

/// Bits as in STATES of src/profile/profile.ts.
constexpr const char* kStateNames[] = {"cpu", "gil", "gil-wait", "gc", "exception"};

Napi::Array StateNames(Napi::Env env, uint8_t bits) {
  Napi::Array out = Napi::Array::New(env);
  for (size_t i = 0; i < std::size(kStateNames); ++i) {
    if ((bits >> i & 1) != 0) out[out.Length()] = kStateNames[i];
  }
  return out;
}

Napi::Object Status(Napi::Env env, const pyprof::SamplerStatus& status) {
  const auto number = [env](uint64_t value) {
    return Napi::Number::New(env, static_cast<double>(value));
  };
  Napi::Object out = Napi::Object::New(env);
  out["state"] = Name(status.state);
  out["endReason"] = Name(status.end_reason);
  out["elapsed"] = number(status.elapsed);
  out["ticks"] = number(status.ticks);
  out["missedTicks"] = number(status.missed_ticks);
  out["gapTime"] = number(status.gap_time);
  out["droppedSamples"] = number(status.dropped_samples);
  out["execs"] = number(status.execs);
  out["samplerCpu"] = number(status.sampler_cpu);
  out["states"] = StateNames(env, status.states);
  out["pythonVersion"] = status.python_version;
  out["read"] = Name(status.reading);
  out["readChange"] = Name(status.reading_change);
  out["loopSeen"] = Napi::Boolean::New(env, status.loop_seen);
  out["lateTicks"] = number(status.late_ticks);
  out["pausedTime"] = number(status.paused_time);
  out["pauses"] = number(status.pauses);
  out["tickTime"] = number(status.tick_time);
  out["descendants"] = Name(status.descendants);
  out["attachError"] = Name(status.attach);
  out["attachDetail"] = status.attach_detail;
  return out;
}

Napi::Object ProcessObject(Napi::Env env, const pyprof::ProcessRow& row) {
  Napi::Object out = Napi::Object::New(env);
  out["index"] = Napi::Number::New(env, row.index);
  out["pid"] = Napi::Number::New(env, row.pid);
  out["parent"] = Napi::Number::New(env, row.parent);
  out["commandLine"] = row.command;
  out["pythonVersion"] = row.python_version;
  out["start"] = Napi::Number::New(env, row.start);
  out["end"] = Napi::Number::New(env, row.end);
  out["unreadable"] = Name(row.unreadable);
  out["detail"] = row.detail;
  return out;
}

Napi::Object ThreadObject(Napi::Env env, const pyprof::ThreadRow& row) {
  Napi::Object out = Napi::Object::New(env);
  out["process"] = Napi::Number::New(env, row.process);
  out["nativeId"] = Napi::Number::New(env, static_cast<double>(row.native_id));
  out["interpreter"] = Napi::Number::New(env, static_cast<double>(row.interpreter));
  out["name"] = row.name;
  out["isMain"] = Napi::Boolean::New(env, row.is_main);
  if (row.waiting_tasks) {
    out["waitingTasks"] = Napi::Boolean::New(env, true);
  } else {
    out["states"] = StateNames(env, row.states);
  }
  return out;
}

void AddRows(Napi::Env env, const pyprof::NewRows& rows, Napi::Object* out) {
  Napi::Array strings = Napi::Array::New(env, rows.strings.size());
  for (uint32_t i = 0; i < rows.strings.size(); ++i) strings[i] = rows.strings[i];
  (*out)["strings"] = strings;

  std::vector<int32_t> words;
  for (const auto& row : rows.functions) {
    words.insert(words.end(), {row.qualname, row.file, row.first_line});
  }
  (*out)["functions"] = Numbers<Napi::Int32Array>(env, words);
  words.clear();
  for (const auto& row : rows.frames) {
    const pyprof::Location& l = row.location;
    words.insert(words.end(), {row.function, l.line, l.end_line, l.column, l.end_column});
  }
  (*out)["frames"] = Numbers<Napi::Int32Array>(env, words);
  words.clear();
  for (const auto& row : rows.stacks) words.insert(words.end(), {row.parent, row.frame});
  (*out)["stacks"] = Numbers<Napi::Int32Array>(env, words);
}

Napi::Object BatchObject(Napi::Env env, const pyprof::Batch& batch, SampleArrays* arrays) {
  Napi::Object out = Napi::Object::New(env);
  AddRows(env, batch.rows, &out);

  Napi::Array processes = Napi::Array::New(env, batch.processes.size());
  for (uint32_t i = 0; i < batch.processes.size(); ++i) {
    processes[i] = ProcessObject(env, batch.processes[i]);
  }
  out["processes"] = processes;
  Napi::Array threads = Napi::Array::New(env, batch.threads.size());
  for (uint32_t i = 0; i < batch.threads.size(); ++i) {
    threads[i] = ThreadObject(env, batch.threads[i]);
  }
  out["threads"] = threads;
  Napi::Array renamed = Napi::Array::New(env, batch.renamed.size());
  for (uint32_t i = 0; i < batch.renamed.size(); ++i) {
    Napi::Object row = Napi::Object::New(env);
    row["thread"] = Napi::Number::New(env, batch.renamed[i].thread);
    row["name"] = batch.renamed[i].name;
    renamed[i] = row;
  }
  out["renamedThreads"] = renamed;

  arrays->Set(env, batch.samples, &out);

  std::vector<double> gaps;
  for (const pyprof::GapRow& gap : batch.gaps) {
    gaps.insert(gaps.end(), {static_cast<double>(gap.start), static_cast<double>(gap.duration),
                             static_cast<double>(gap.missed)});
  }
  out["gaps"] = Numbers<Napi::Float64Array>(env, gaps);
  out["status"] = Status(env, batch.status);
  return out;
}

class SamplerObject final : public Napi::ObjectWrap<SamplerObject> {
 public:
  static Napi::Function Class(Napi::Env env) {
    return DefineClass(env, "NativeSampler",
                       {InstanceMethod<&SamplerObject::Drain>("drain"),
                        InstanceMethod<&SamplerObject::Stop>("stop"),
                        InstanceMethod<&SamplerObject::SetEnabled>("setEnabled"),
                        InstanceMethod<&SamplerObject::Elapsed>("elapsed")});
  }

  explicit SamplerObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<SamplerObject>(info) {
    const Napi::Object in = info[0].As<Napi::Object>();
    const auto number = [&in](const char* name) { return in.Get(name).ToNumber().DoubleValue(); };
    pyprof::SamplerOptions options;
    options.pid = static_cast<pid_t>(number("pid"));
    options.interval = static_cast<uint64_t>(number("interval"));
    options.duration = static_cast<uint64_t>(number("duration"));
    options.wait = in.Get("wait").As<Napi::Boolean>().Value();
    options.capacity = static_cast<size_t>(number("capacity"));
    options.seed = static_cast<uint64_t>(number("seed"));
    options.reading = ReadingNamed(in.Get("read").ToString());
    options.max_overhead = number("maxOverhead");
    options.states = in.Get("states").ToBoolean();
    options.native_markers = in.Get("nativeMarkers").ToBoolean();
    options.follow = in.Get("follow").ToBoolean().Value();
    options.disabled = in.Get("disabled").ToBoolean().Value();
    if (in.Has("tasks")) options.tasks = TasksNamed(in.Get("tasks").ToString());
    pyprof::AttachResult failure{};
    sampler_ = std::make_unique<pyprof::Sampler>(options, &failure);
    if (failure.status == AttachStatus::kOk) return;
    sampler_.reset();
    Napi::Error error = Napi::Error::New(info.Env(), failure.detail);
    error.Set("code", Napi::String::New(info.Env(), Name(failure.status)));
    error.ThrowAsJavaScriptException();
  }

 private:
  Napi::Value Drain(const Napi::CallbackInfo& info) {
    sampler_->Drain(&batch_);
    return BatchObject(info.Env(), batch_, &arrays_);
  }

  void Stop(const Napi::CallbackInfo&) { sampler_->Stop(); }

  Napi::Value SetEnabled(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), sampler_->SetEnabled(info[0].ToBoolean()));
  }

  Napi::Value Elapsed(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(sampler_->Elapsed()));
  }

  std::unique_ptr<pyprof::Sampler> sampler_;
  pyprof::Batch batch_;
  SampleArrays arrays_;
};

std::string Hex(uint64_t value) {
  char text[24];
  snprintf(text, sizeof(text), "0x%lx", value);
  return text;
}

Napi::Object ProbeResult(Napi::Env env, const AttachResult& found, pyprof::RemoteMemory* memory) {
  Napi::Object out = Napi::Object::New(env);
  const bool ok = found.status == AttachStatus::kOk;
  out["ok"] = Napi::Boolean::New(env, ok);
  if (ok) {
    out["version"] = found.runtime.layout.Version();
    out["runtimeAddress"] = Hex(found.runtime.address);
    out["freeThreaded"] = Napi::Boolean::New(env, found.runtime.layout.free_threaded);
    const std::optional<bool> debugging = pyprof::RemoteDebugging(found.runtime, memory);
    out["remoteDebugging"] = debugging ? Napi::Boolean::New(env, *debugging) : env.Null();
  } else {
    out["code"] = Name(found.status);
    out["detail"] = found.detail;
  }
  return out;
}

Napi::Value Probe(const Napi::CallbackInfo& info) {
  const pid_t pid = info[0].As<Napi::Number>().Int32Value();
  pyprof::ProcessMemory memory(pid);
  const AttachResult found = pyprof::RuntimeFinder(pid, &memory).Find();
  return ProbeResult(info.Env(), found, &memory);
}

Napi::Value ProbeMany(const Napi::CallbackInfo& info) {
  const auto pids = info[0].As<Napi::Array>();
  const auto known = std::make_shared<pyprof::KnownFiles>();
  Napi::Array out = Napi::Array::New(info.Env(), pids.Length());
  for (uint32_t i = 0; i < pids.Length(); ++i) {
    const Napi::HandleScope scope(info.Env());
    const pid_t pid = pids.Get(i).As<Napi::Number>().Int32Value();
    pyprof::ProcessMemory memory(pid);
    const AttachResult found = pyprof::RuntimeFinder(pid, &memory, known).Find(false);
    out[i] = ProbeResult(info.Env(), found, &memory);
  }
  return out;
}

const char* Name(ExecSwitch state) {
  switch (state) {
    case ExecSwitch::kOn:
      return "on";
    case ExecSwitch::kOff:
      return "off";
    case ExecSwitch::kUnpublished:
      return "unpublished";
    case ExecSwitch::kUnreadable:
      return "unreadable";
  }
  return "";
}

const char* Name(AskStatus status) {
  switch (status) {
    case AskStatus::kAsked:
      return "asked";
    case AskStatus::kOff:
      return "off";
    case AskStatus::kNoThread:
      return "no-thread";
    case AskStatus::kBusy:
      return "busy";
    case AskStatus::kPathTooLong:
      return "path-too-long";
    case AskStatus::kWriteFailed:
      return "write-failed";
    case AskStatus::kDisturbed:
      return "disturbed";
  }
  return "";
}

const char* Name(RequestState state) {
  switch (state) {
    case RequestState::kNone:
      return "none";
    case RequestState::kWaiting:
      return "waiting";
    case RequestState::kTaken:
      return "taken";
    case RequestState::kGone:
      return "gone";
    case RequestState::kReplaced:
      return "replaced";
  }
  return "";
}

Napi::Array ExecThreads(Napi::Env env, pyprof::ExecTarget* target) {
  Napi::Array out = Napi::Array::New(env);
  for (const pyprof::ExecThread& thread : target->request().Threads()) {
    Napi::Object row = Napi::Object::New(env);
    row["state"] = Hex(thread.state);
    row["tid"] = Napi::Number::New(env, static_cast<double>(target->TaskOf(thread)));
    row["isMain"] = Napi::Boolean::New(env, thread.is_main);
    row["pending"] = Napi::Boolean::New(env, thread.pending);
    row["pathAddress"] = Hex(thread.path_address);
    row["pendingAddress"] = Hex(thread.pending_address);
    row["breakerAddress"] = Hex(thread.breaker_address);
    out[out.Length()] = row;
  }
  return out;
}

/// An object whose functions share the target; when it is collected, what waits is withdrawn.
Napi::Value OpenExec(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  AttachResult failure;
  const auto target =
      std::make_shared<pyprof::ExecTarget>(info[0].As<Napi::Number>().Int32Value(), &failure);
  if (failure.status != AttachStatus::kOk) {
    Napi::Error error = Napi::Error::New(env, failure.detail);
    error.Set("code", Napi::String::New(env, Name(failure.status)));
    error.ThrowAsJavaScriptException();
    return env.Undefined();
  }
  Napi::Object out = Napi::Object::New(env);
  out["version"] = target->version();
  out["runtimeAddress"] = Hex(target->runtime_address());
  out["pathSize"] = Napi::Number::New(env, static_cast<double>(target->request().path_size()));
  const auto method = [&](const char* name, auto body) {
    out[name] = Napi::Function::New(
        env, [target, body](const Napi::CallbackInfo& call) { return body(target.get(), call); },
        name);
  };
  method("state", [](pyprof::ExecTarget* at, const Napi::CallbackInfo& call) -> Napi::Value {
    return Napi::String::New(call.Env(), Name(at->request().Switch()));
  });
  method("threads", [](pyprof::ExecTarget* at, const Napi::CallbackInfo& call) -> Napi::Value {
    return ExecThreads(call.Env(), at);
  });
  method("ask", [](pyprof::ExecTarget* at, const Napi::CallbackInfo& call) -> Napi::Value {
    const uint64_t thread = std::stoull(call[0].ToString().Utf8Value(), nullptr, 16);
    Napi::Object row = Napi::Object::New(call.Env());
    row["status"] = Name(at->request().Ask(thread, call[1].ToString().Utf8Value()));
    row["errno"] = Napi::Number::New(call.Env(), at->request().error());
    return row;
  });
  method("look", [](pyprof::ExecTarget* at, const Napi::CallbackInfo& call) -> Napi::Value {
    return Napi::String::New(call.Env(), Name(at->request().Look()));
  });
  method("withdraw", [](pyprof::ExecTarget* at, const Napi::CallbackInfo& call) -> Napi::Value {
    return Napi::String::New(call.Env(), Name(at->request().Withdraw()));
  });
  return out;
}

Napi::Value ReachableProcessors(const Napi::CallbackInfo& info) {
  const std::vector<int> processors = pyprof::ReachableProcessors();
  Napi::Array out = Napi::Array::New(info.Env(), processors.size());
  for (uint32_t i = 0; i < processors.size(); ++i) {
    out[i] = Napi::Number::New(info.Env(), processors[i]);
  }
  return out;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports["probe"] = Napi::Function::New<Probe>(env, "probe");
  exports["probeMany"] = Napi::Function::New<ProbeMany>(env, "probeMany");
  exports["openExec"] = Napi::Function::New<OpenExec>(env, "openExec");
  exports["reachableProcessors"] =
      Napi::Function::New<ReachableProcessors>(env, "reachableProcessors");
  pyprof_addon::AddDump(env, exports);
  const Napi::Function sampler = SamplerObject::Class(env);
  auto constructor = std::make_unique<Napi::FunctionReference>(Napi::Persistent(sampler));
  env.SetInstanceData(constructor.release());  // the environment deletes it
  exports["createSampler"] = Napi::Function::New(
      env,
      [](const Napi::CallbackInfo& info) -> Napi::Value {
        return info.Env().GetInstanceData<Napi::FunctionReference>()->New({info[0]});
      },
      "createSampler");
  return exports;
}

}  // namespace

NODE_API_MODULE(pyprof, Init)
