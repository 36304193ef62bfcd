#include "test/fake/threading.h"

#include <algorithm>

namespace pyprof::test {
namespace {

// Bits of tp_flags (Include/object.h).
constexpr uint64_t kInlineValues = 1u << 2;
constexpr uint64_t kManagedDict = 1u << 4;
constexpr uint64_t kHeapType = 1u << 9;
constexpr uint64_t kLongSubclass = 1u << 24;
constexpr uint64_t kDictSubclass = 1u << 29;

// PyDictKeysObject (Include/internal/pycore_dict.h).
constexpr uint64_t kKeysHead = 32;
constexpr uint8_t kUnicodeKind = 1;
constexpr uint8_t kSplitKind = 2;
constexpr uint64_t kEntry = 16;
constexpr uint8_t kLog2Size = 6;
constexpr uint64_t kUsable = 42;

/// Words in front of an object: the garbage collector's two, the managed dict, weak references.
constexpr uint64_t kBefore = 32;
constexpr uint64_t kManagedDictBefore = 24;
constexpr uint64_t kObject = 16;
constexpr uint64_t kValuesHead = 8;

/// Where a class keeps its shared keys when that is not published.
constexpr uint64_t kCachedKeysInTail = 464;

// Attributes of a Thread, in the order in which `__init__` sets them.
constexpr size_t kName = 1;
constexpr size_t kIdent = 3;
constexpr size_t kNativeId = 4;

}  // namespace

FakeThreading::FakeThreading(FakePython* python, uint64_t interpreter)
    : python_(python),
      interpreter_(interpreter),
      dict_type_(python->Type("dict", kDictSubclass)),
      int_type_(python->Type("int", kLongSubclass)),
      module_type_(python->Type("module")) {
  for (const char* name : {"_target", "_name", "_args", "_ident", "_native_id", "_tstate_lock"}) {
    attributes_.push_back(python->Str(name));
  }
  thread_class_ = ThreadClass("Thread");
  main_class_ = ThreadClass("_MainThread");
  Publish();
}

uint64_t FakeThreading::ThreadClass(std::string_view name) {
  const Layout& layout = python_->layout();
  const uint64_t type = python_->Type(name, kHeapType | kManagedDict | kInlineValues, kObject);
  Items keys;
  for (const uint64_t attribute : attributes_) keys.emplace_back(attribute, 0);
  const uint64_t cached = layout.heap_type.ht_cached_keys != 0
                              ? layout.heap_type.ht_cached_keys
                              : layout.type.size + kCachedKeysInTail;
  python_->memory().Put(type + cached, Keys(keys, true));
  return type;
}

uint64_t FakeThreading::Keys(const Items& items, bool split) {
  FakeMemory& memory = python_->memory();
  const uint64_t table = uint64_t{1} << kLog2Size;
  const uint64_t at = python_->Allocate(kKeysHead + table + items.size() * kEntry);
  memory.Put(at + 8, kLog2Size);
  memory.Put(at + 9, kLog2Size);
  memory.Put(at + 10, split ? kSplitKind : kUnicodeKind);
  memory.Put(at + 16, kUsable - items.size());
  memory.Put(at + 24, static_cast<uint64_t>(items.size()));
  uint64_t entry = at + kKeysHead + table;
  for (const auto& [key, value] : items) {
    memory.Put(entry, key);
    memory.Put(entry + 8, value);
    entry += kEntry;
  }
  return at;
}

uint64_t FakeThreading::Dict(const Items& items) {
  const Layout& layout = python_->layout();
  const uint64_t dict = python_->Allocate(layout.dict.size);
  python_->memory().Put(dict + layout.object.ob_type, dict_type_);
  python_->memory().Put(dict + layout.dict.ma_keys, Keys(items, false));
  return dict;
}

uint64_t FakeThreading::Int(uint64_t value) {
  const Layout& layout = python_->layout();
  FakeMemory& memory = python_->memory();
  const uint64_t at = python_->Allocate(layout.long_.ob_digit + 8);
  const uint64_t digits = value >> 30 != 0 ? 2 : 1;
  memory.Put(at + layout.object.ob_type, int_type_);
  memory.Put(at + layout.long_.lv_tag, digits << 3);
  memory.Put(at + layout.long_.ob_digit, static_cast<uint32_t>(value & 0x3fffffff));
  memory.Put(at + layout.long_.ob_digit + 4, static_cast<uint32_t>(value >> 30));
  return at;
}

uint64_t FakeThreading::Register(uint64_t python_id, uint64_t native_id, std::u32string_view name,
                                 bool is_main) {
  FakeMemory& memory = python_->memory();
  const uint64_t object =
      python_->Allocate(kBefore + kObject + kValuesHead + attributes_.size() * 8) + kBefore;
  memory.Put(object + python_->layout().object.ob_type, is_main ? main_class_ : thread_class_);
  const uint64_t values = object + kObject;
  memory.Put(values, static_cast<uint8_t>(attributes_.size()));
  memory.Put(values + 1, static_cast<uint8_t>(attributes_.size()));
  memory.Put(values + 2, uint8_t{1});  // in the object
  memory.Put(values + 3, uint8_t{1});  // valid
  for (size_t i = 0; i < attributes_.size(); ++i) {
    memory.Put(values + kValuesHead + i * 8, python_->none());
  }
  memory.Put(NameSlot(object), python_->Str(name));
  memory.Put(IdentSlot(object), Int(python_id));
  memory.Put(values + kValuesHead + kNativeId * 8, Int(native_id));
  active_.emplace_back(Int(python_id), object);
  Publish();
  return object;
}

void FakeThreading::Unregister(uint64_t object) {
  std::erase_if(active_, [object](const auto& item) { return item.second == object; });
  Publish();
}

uint64_t FakeThreading::NameSlot(uint64_t object) const {
  return object + kObject + kValuesHead + kName * 8;
}

uint64_t FakeThreading::IdentSlot(uint64_t object) const {
  return object + kObject + kValuesHead + kIdent * 8;
}

void FakeThreading::Materialize(uint64_t object) {
  FakeMemory& memory = python_->memory();
  Items items;
  for (size_t i = 0; i < attributes_.size(); ++i) {
    items.emplace_back(attributes_[i],
                       memory.Get<uint64_t>(object + kObject + kValuesHead + i * 8));
  }
  memory.Put(object - kManagedDictBefore, Dict(items));
  memory.Put(object + kObject + 3, uint8_t{0});  // not valid any more
}

void FakeThreading::Publish() {
  const Layout& layout = python_->layout();
  FakeMemory& memory = python_->memory();
  const uint64_t globals = Dict({{python_->Str("__name__"), python_->Str("threading")},
                                 {python_->Str("_active"), Dict(active_)}});
  const uint64_t module = python_->Allocate(64);
  memory.Put(module + layout.object.ob_type, module_type_);
  memory.Put(module + layout.object.size, globals);
  memory.Put(interpreter_ + layout.interpreter.imports_modules,
             Dict({{python_->Str("sys"), python_->none()}, {python_->Str("threading"), module}}));
}

}  // namespace pyprof::test
