#include "addon_dump.h"

#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "dump/dump.h"

// The part of the binding that is about dumps: unmarshal, call, marshal, as addon.cc does.

namespace pyprof_addon {
namespace {

using pyprof::Dump;
using pyprof::Value;

/// In the order of ValueKind.
constexpr const char* kValueKinds[] = {"none",      "ellipsis",   "not-implemented",
                                       "bool",      "int",        "float",
                                       "complex",   "str",        "bytes",
                                       "bytearray", "list",       "tuple",
                                       "set",       "frozenset",  "dict",
                                       "enum",      "array",      "function",
                                       "module",    "class",      "code",
                                       "generator", "object",     "cycle",
                                       "unbound",   "unreadable", "beyond-limit"};
/// In the order of VariableKind, TaskState, STATES of src/profile/profile.ts.
constexpr const char* kVariableKinds[] = {"argument", "local", "cell", "free", "name"};
constexpr const char* kTaskStates[] = {"running", "suspended", "finished", "foreign", "broken"};
constexpr const char* kStateNames[] = {"cpu", "gil", "gil-wait", "gc", "exception"};

const char* CodeOf(pyprof::AttachStatus status) {
  switch (status) {
    case pyprof::AttachStatus::kOk:
      return "";
    case pyprof::AttachStatus::kNoSuchProcess:
      return "no-such-process";
    case pyprof::AttachStatus::kPermission:
      return "permission";
    case pyprof::AttachStatus::kNotPython:
      return "not-python";
    case pyprof::AttachStatus::kUnsupportedVersion:
      return "unsupported-version";
    case pyprof::AttachStatus::kBadLayout:
      return "bad-layout";
    case pyprof::AttachStatus::kNotStarted:
      return "not-started";
    case pyprof::AttachStatus::kNoTaskTable:
      return "no-task-table";
  }
  return "";
}

const char* NameOf(pyprof::Reading reading) {
  if (reading == pyprof::Reading::kStop) return "stop";
  return reading == pyprof::Reading::kExact ? "exact" : "live";
}

const char* NameOf(pyprof::ReadingChange change) {
  switch (change) {
    case pyprof::ReadingChange::kNoGil:
      return "no-gil";
    case pyprof::ReadingChange::kCoreNotAllowed:
      return "core-not-allowed";
    case pyprof::ReadingChange::kNoRunCount:
      return "no-run-count";
    default:
      return "";
  }
}

Napi::Number Number(Napi::Env env, uint64_t value) {
  return Napi::Number::New(env, static_cast<double>(value));
}

std::string Hex(uint64_t address) {
  char text[24];
  snprintf(text, sizeof(text), "0x%lx", address);
  return text;
}

Napi::Object ValueObject(Napi::Env env, const Value& value) {
  Napi::Object out = Napi::Object::New(env);
  out["kind"] = kValueKinds[static_cast<size_t>(value.kind)];
  if (!value.type.empty()) out["type"] = value.type;
  if (value.address != 0) out["address"] = Hex(value.address);
  if (!value.text.empty() || value.kind == pyprof::ValueKind::kStr ||
      value.kind == pyprof::ValueKind::kBytes || value.kind == pyprof::ValueKind::kBytearray) {
    out["text"] = Napi::String::New(env, value.text);
  }
  if (value.length) out["length"] = Number(env, *value.length);
  if (value.cut) out["cut"] = Napi::Boolean::New(env, true);
  if (value.kind == pyprof::ValueKind::kArray) {
    Napi::Array shape = Napi::Array::New(env, value.shape.size());
    for (uint32_t i = 0; i < value.shape.size(); ++i) shape[i] = Number(env, value.shape[i]);
    out["shape"] = shape;
  }
  const auto count = static_cast<uint32_t>(value.items.size());
  Napi::Array items = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; ++i) {
    Napi::Object item = ValueObject(env, value.items[i]);
    if (value.kind == pyprof::ValueKind::kDict) {
      Napi::Object entry = Napi::Object::New(env);
      entry["key"] = ValueObject(env, value.keys[i]);
      entry["value"] = item;
      item = entry;
    } else if (!value.names.empty()) {
      Napi::Object attribute = Napi::Object::New(env);
      attribute["name"] = value.names[i];
      attribute["value"] = item;
      item = attribute;
    }
    items[i] = item;
  }
  switch (value.kind) {
    case pyprof::ValueKind::kDict:
      out["entries"] = items;
      break;
    case pyprof::ValueKind::kList:
    case pyprof::ValueKind::kSet:
    case pyprof::ValueKind::kFrozenset:
      out["items"] = items;
      break;
    case pyprof::ValueKind::kTuple:
      out[value.names.empty() ? "items" : "attributes"] = items;
      break;
    case pyprof::ValueKind::kObject:
      out["attributes"] = items;
      break;
    default:
      if (count > 0) out["attributes"] = items;
  }
  return out;
}

Napi::Array FrameList(Napi::Env env, const std::vector<pyprof::PictureFrame>& frames) {
  Napi::Array out = Napi::Array::New(env, frames.size());
  for (uint32_t i = 0; i < frames.size(); ++i) {
    Napi::Object frame = Napi::Object::New(env);
    frame["frame"] = Napi::Number::New(env, frames[i].frame);
    if (const auto& found = frames[i].variables) {
      Napi::Array variables = Napi::Array::New(env, found->variables.size());
      for (uint32_t v = 0; v < found->variables.size(); ++v) {
        const pyprof::Variable& variable = found->variables[v];
        Napi::Object object = Napi::Object::New(env);
        object["name"] = variable.name;
        object["kind"] = kVariableKinds[static_cast<size_t>(variable.kind)];
        object["value"] = ValueObject(env, variable.value);
        variables[v] = object;
      }
      frame["variables"] = variables;
      frame["omitted"] = Number(env, found->omitted);
      frame["readable"] = Napi::Boolean::New(env, found->readable);
    }
    out[i] = frame;
  }
  return out;
}

Napi::Object DumpObject(Napi::Env env, const Dump& dump) {
  Napi::Object out = Napi::Object::New(env);
  const bool ok = dump.status == pyprof::AttachStatus::kOk;
  out["ok"] = Napi::Boolean::New(env, ok);
  if (!ok) {
    out["code"] = CodeOf(dump.status);
    out["detail"] = dump.detail;
    return out;
  }
  out["version"] = dump.python_version;
  out["read"] = NameOf(dump.reading);
  out["readChange"] = NameOf(dump.reading_change);
  out["proved"] = Napi::Boolean::New(env, dump.proved);
  out["attempts"] = Number(env, dump.attempts);
  out["durationNs"] = Number(env, dump.duration);
  out["limitReached"] = Napi::Boolean::New(env, dump.limit_reached);
  out["loopSeen"] = Napi::Boolean::New(env, dump.loop_seen);
  out["tasksCut"] = Napi::Boolean::New(env, dump.tasks_cut);
  out["hasTaskTable"] = Napi::Boolean::New(env, dump.has_task_table);
  Napi::Array states = Napi::Array::New(env);
  for (size_t i = 0; i < std::size(kStateNames); ++i) {
    if ((dump.known_states >> i & 1) != 0) states[states.Length()] = kStateNames[i];
  }
  out["states"] = states;

  Napi::Array strings = Napi::Array::New(env, dump.rows.strings.size());
  for (uint32_t i = 0; i < dump.rows.strings.size(); ++i) strings[i] = dump.rows.strings[i];
  out["strings"] = strings;
  std::vector<int32_t> words;
  const auto numbers = [&] {
    Napi::Int32Array array = Napi::Int32Array::New(env, words.size());
    std::copy(words.begin(), words.end(), array.Data());
    words.clear();
    return array;
  };
  for (const auto& row : dump.rows.functions) {
    words.insert(words.end(), {row.qualname, row.file, row.first_line});
  }
  out["functions"] = numbers();
  for (const auto& row : dump.rows.frames) {
    const pyprof::Location& l = row.location;
    words.insert(words.end(), {row.function, l.line, l.end_line, l.column, l.end_column});
  }
  out["frames"] = numbers();

  Napi::Array threads = Napi::Array::New(env, dump.threads.size());
  for (uint32_t i = 0; i < dump.threads.size(); ++i) {
    const pyprof::DumpThread& thread = dump.threads[i];
    Napi::Object row = Napi::Object::New(env);
    row["nativeId"] = Number(env, thread.sample.native_id);
    row["outerId"] = Number(env, thread.outer_id);
    row["pythonId"] = Number(env, thread.sample.python_id);
    row["interpreter"] = Napi::Number::New(env, static_cast<double>(thread.sample.interpreter));
    row["name"] = thread.name;
    row["isMain"] = Napi::Boolean::New(env, thread.sample.is_main);
    row["mainGil"] = Napi::Boolean::New(env, thread.sample.main_gil);
    row["state"] = Napi::Number::New(env, thread.sample.state);
    row["quality"] = Napi::Number::New(env, static_cast<int>(thread.sample.quality));
    row["reason"] = Napi::Number::New(env, static_cast<int>(thread.sample.reason));
    row["frames"] = FrameList(env, thread.frames);
    threads[i] = row;
  }
  out["threads"] = threads;

  Napi::Array tasks = Napi::Array::New(env, dump.tasks.size());
  for (uint32_t i = 0; i < dump.tasks.size(); ++i) {
    const pyprof::PictureTask& task = dump.tasks[i];
    Napi::Object row = Napi::Object::New(env);
    row["address"] = Hex(task.address);
    row["name"] = task.name;
    row["state"] = kTaskStates[static_cast<size_t>(task.state)];
    row["thread"] = Napi::Number::New(env, task.thread);
    row["partial"] = Napi::Boolean::New(env, task.partial);
    Napi::Array awaiters = Napi::Array::New(env, task.awaited_by.size());
    for (uint32_t a = 0; a < task.awaited_by.size(); ++a) {
      awaiters[a] = Number(env, task.awaited_by[a]);
    }
    row["awaitedBy"] = awaiters;
    row["frames"] = FrameList(env, task.frames);
    tasks[i] = row;
  }
  out["tasks"] = tasks;
  return out;
}

Napi::Object CoreObject(Napi::Env env, const pyprof::CoreFile& core) {
  Napi::Object out = Napi::Object::New(env);
  out["pid"] = Napi::Number::New(env, core.pid());
  out["command"] = core.command();
  out["signal"] = Napi::Number::New(env, core.signal());
  out["executable"] = core.executable();
  const auto missing = core.missing();
  Napi::Array files = Napi::Array::New(env, missing.size());
  for (uint32_t i = 0; i < missing.size(); ++i) {
    Napi::Object file = Napi::Object::New(env);
    file["path"] = missing[i].path;
    file["replaced"] = Napi::Boolean::New(env, missing[i].replaced);
    files[i] = file;
  }
  out["missing"] = files;
  return out;
}

pyprof::DumpOptions OptionsIn(const Napi::Object& in) {
  pyprof::DumpOptions options;
  const std::string read = in.Get("read").ToString();
  if (read == "live") options.reading = pyprof::Reading::kLive;
  if (read == "stop") options.reading = pyprof::Reading::kStop;
  options.tasks = in.Get("tasks").ToBoolean();
  if (in.Get("values").IsObject()) {
    const Napi::Object values = in.Get("values").As<Napi::Object>();
    const auto limit = [&values](const char* name) {
      return static_cast<size_t>(values.Get(name).ToNumber().DoubleValue());
    };
    options.values = pyprof::ValueLimits{.depth = limit("depth"),
                                         .items = limit("items"),
                                         .text = limit("text"),
                                         .bytes = limit("bytes")};
  }
  const auto threads = in.Get("threads").As<Napi::Array>();
  for (uint32_t i = 0; i < threads.Length(); ++i) {
    options.threads.insert(static_cast<uint64_t>(threads.Get(i).ToNumber().DoubleValue()));
  }
  const int64_t frame = in.Get("frame").ToNumber().Int64Value();
  if (frame >= 0) options.frame = static_cast<size_t>(frame);
  return options;
}

Napi::Value TakeDump(const Napi::CallbackInfo& info) {
  const auto in = info[0].As<Napi::Object>();
  const pyprof::DumpOptions options = OptionsIn(in);
  Dump dump;
  if (!in.Get("core").IsString()) {
    const pid_t pid = in.Get("pid").ToNumber().Int32Value();
    // Sharing a core changes where its thread may run: that shall not be this one.
    std::thread([&] { dump = pyprof::DumpProcess(pid, options); }).join();
    return DumpObject(info.Env(), dump);
  }
  pyprof::CoreFile::Status status{};
  const auto core =
      pyprof::CoreFile::Open(in.Get("core").ToString(), in.Get("executable").ToString(), &status);
  if (core == nullptr) {
    Napi::Object out = Napi::Object::New(info.Env());
    out["ok"] = Napi::Boolean::New(info.Env(), false);
    const bool not_core = status == pyprof::CoreFile::Status::kNotACore;
    out["code"] = status == pyprof::CoreFile::Status::kUnreadable ? "core-unreadable"
                  : not_core                                      ? "not-a-core"
                                                                  : "other-machine";
    out["detail"] = "";
    return out;
  }
  dump = pyprof::DumpCore(core.get(), options);
  Napi::Object out = DumpObject(info.Env(), dump);
  out["core"] = CoreObject(info.Env(), *core);
  return out;
}

}  // namespace

void AddDump(Napi::Env env, Napi::Object exports) {
  exports["dump"] = Napi::Function::New<TakeDump>(env, "dump");
}

}  // namespace pyprof_addon
