#include "stack/python_threads.h"

#include <algorithm>
#include <utility>

#include "objects/values.h"

namespace pyprof {
namespace {

// Bounds against a target that lies; a process can have no more threads.
constexpr size_t kMaxInterpreters = 4096;
constexpr size_t kMaxThreads = 1u << 15;
/// Code points of a name that are kept.
constexpr uint64_t kMaxName = 1024;

enum Attribute : size_t { kIdent, kNativeId, kName };

}  // namespace

PythonThreads::PythonThreads(RemoteMemory* memory, const Runtime& runtime)
    : memory_(memory),
      runtime_(runtime),
      layout_(runtime_.layout),
      types_(memory, layout_),
      dicts_(memory, layout_, &types_),
      attributes_(memory, layout_, &types_, {"_ident", "_native_id", "_name"}) {}

bool PythonThreads::Reading::operator==(const Reading& other) const {
  return key == other.key && object == other.object && name_object == other.name_object &&
         native_id_object == other.native_id_object && thread.python_id == other.thread.python_id &&
         thread.native_id == other.thread.native_id && thread.name == other.thread.name;
}

/// Oldest first: the main interpreter leads.
std::vector<uint64_t> PythonThreads::Interpreters() {
  std::vector<uint64_t> found;
  uint64_t at = 0;
  memory_->ReadValue(runtime_.address + layout_.runtime.interpreters_head, &at);
  while (at != 0 && found.size() < kMaxInterpreters) {
    if (std::find(found.begin(), found.end(), at) != found.end()) break;  // the list loops
    found.push_back(at);
    if (!memory_->ReadValue(at + layout_.interpreter.next, &at)) break;
  }
  std::reverse(found.begin(), found.end());
  return found;
}

/// Items of sys.modules['threading']._active; none when the interpreter has not imported it.
std::vector<DictItem> PythonThreads::Active(uint64_t interpreter, Hints* hints) {
  uint64_t modules = 0;
  uint64_t globals = 0;
  if (!memory_->ReadValue(interpreter + layout_.interpreter.imports_modules, &modules)) return {};
  const uint64_t module = dicts_.Find(modules, "threading", &hints->module);
  // md_dict follows the object's head (Include/internal/pycore_moduleobject.h).
  if (module == 0 || !memory_->ReadValue(module + layout_.object.size, &globals)) return {};
  auto items = dicts_.Items(dicts_.Find(globals, "_active", &hints->active));
  if (!items) return {};
  std::erase_if(*items, [](const DictItem& item) { return item.key == 0 || item.value == 0; });
  if (items->size() > kMaxThreads) items->resize(kMaxThreads);
  return std::move(*items);
}

std::vector<std::optional<PythonThreads::Reading>> PythonThreads::ReadThreads(
    const std::vector<DictItem>& active) {
  // Two readings agree by what is in memory, not by what is remembered of it.
  types_.Forget();
  attributes_.Forget();
  std::vector<uint64_t> objects;
  for (const DictItem& item : active) objects.push_back(item.value);
  const std::vector<Attributes::Values> attributes = attributes_.Read(objects);

  std::vector<uint64_t> longs;
  std::vector<uint64_t> names;
  for (size_t i = 0; i < active.size(); ++i) {
    const bool found = attributes[i].type != nullptr;
    const auto value = [&](Attribute which) { return found ? attributes[i].values[which] : 0; };
    longs.insert(longs.end(), {active[i].key, value(kIdent), value(kNativeId)});
    names.push_back(value(kName));
  }
  const auto numbers = ReadLongs(memory_, layout_, &types_, longs);
  const auto texts = ReadStrings(memory_, layout_, &types_, names, kMaxName);

  std::vector<std::optional<Reading>> readings(active.size());
  for (size_t i = 0; i < active.size(); ++i) {
    const auto key = numbers[3 * i];
    const auto ident = numbers[3 * i + 1];
    const auto native_id = numbers[3 * i + 2];
    // `_active` says whose thread this object is, and the object says the same.
    if (!key || key != ident || !native_id || !texts[i]) continue;
    readings[i] = {active[i].key,
                   objects[i],
                   names[i],
                   longs[3 * i + 2],
                   {*ident, *native_id, attributes[i].type->name == "_MainThread", *texts[i]}};
  }
  return readings;
}

std::vector<PythonThread> PythonThreads::Read() {
  types_.Forget();
  std::unordered_map<uint64_t, Hints> hints;
  std::vector<PythonThread> threads;
  for (const uint64_t interpreter : Interpreters()) {
    Hints& own = hints[interpreter] = hints_[interpreter];
    const std::vector<DictItem> active = Active(interpreter, &own);
    auto first = ReadThreads(active);
    const auto second = ReadThreads(active);
    for (size_t i = 0; i < active.size(); ++i) {
      if (first[i] && first[i] == second[i]) threads.push_back(std::move(first[i]->thread));
    }
  }
  hints_ = std::move(hints);
  return threads;
}

}  // namespace pyprof
