#include "test/fake/heap.h"

namespace pyprof::test {
namespace {

// Bits of tp_flags (Include/object.h).
constexpr uint64_t kInlineValues = 1u << 2;
constexpr uint64_t kManagedDict = 1u << 4;
constexpr uint64_t kHeapType = 1u << 9;
constexpr uint64_t kLong = 1u << 24, kList = 1u << 25, kTuple = 1u << 26, kBytes = 1u << 27,
                   kDict = 1u << 29;

// PyDictKeysObject (Include/internal/pycore_dict.h).
constexpr uint64_t kKeysHead = 32;
constexpr uint8_t kGeneralKind = 0;
constexpr uint8_t kSplitKind = 2;
constexpr uint8_t kLog2Size = 6;
constexpr uint64_t kUsable = 42;
constexpr uint64_t kCachedKeys = 464;

constexpr uint64_t kBefore = 32;
constexpr uint64_t kManagedDictBefore = 24;
constexpr uint64_t kSetMask = 31;

}  // namespace

FakeHeap::FakeHeap(FakePython* python)
    : python_(python), memory_(python->memory()), layout_(python->layout()) {}

uint64_t FakeHeap::Class(std::string_view name, uint64_t flags, uint64_t basicsize) {
  const auto found = classes_.find(name);
  if (found != classes_.end()) return found->second;
  const uint64_t type = python_->Type(name, flags, basicsize);
  return classes_[std::string(name)] = type;
}

uint64_t FakeHeap::Object(uint64_t type, uint64_t size) {
  const uint64_t at = python_->Allocate(kBefore + size) + kBefore;
  memory_.Put(at + layout_.object.ob_type, type);
  return at;
}

uint64_t FakeHeap::Int(const std::vector<uint32_t>& digits, bool negative) {
  const uint64_t at = Object(Class("int", kLong), layout_.long_.ob_digit + 4 * digits.size() + 8);
  const uint64_t sign = digits.empty() ? 1 : negative ? 2 : 0;
  memory_.Put(at + layout_.long_.lv_tag, static_cast<uint64_t>(digits.size()) << 3 | sign);
  for (size_t i = 0; i < digits.size(); ++i) {
    memory_.Put(at + layout_.long_.ob_digit + 4 * i, digits[i]);
  }
  return at;
}

uint64_t FakeHeap::Int(int64_t value) {
  std::vector<uint32_t> digits;
  for (uint64_t rest = static_cast<uint64_t>(value < 0 ? -value : value); rest != 0; rest >>= 30) {
    digits.push_back(static_cast<uint32_t>(rest & ((1u << 30) - 1)));
  }
  return Int(digits, value < 0);
}

uint64_t FakeHeap::Bool(bool value) {
  const uint64_t at = Object(Class("bool", kLong), layout_.long_.ob_digit + 8);
  memory_.Put(at + layout_.long_.lv_tag, uint64_t{value ? 8u : 1u});
  memory_.Put(at + layout_.long_.ob_digit, uint32_t{value ? 1u : 0u});
  return at;
}

uint64_t FakeHeap::Float(double value) {
  const uint64_t at = Object(Class("float"), layout_.float_.size);
  memory_.Put(at + layout_.float_.ob_fval, value);
  return at;
}

uint64_t FakeHeap::Complex(double real, double imaginary) {
  const uint64_t at = Object(Class("complex"), layout_.object.size + 16);
  memory_.Put(at + layout_.object.size, real);
  memory_.Put(at + layout_.object.size + 8, imaginary);
  return at;
}

uint64_t FakeHeap::Bytes(std::string_view bytes) {
  const uint64_t at = Object(Class("bytes", kBytes), layout_.bytes.ob_sval + bytes.size() + 1);
  memory_.Put(at + layout_.bytes.ob_size, static_cast<uint64_t>(bytes.size()));
  memory_.Write(at + layout_.bytes.ob_sval, bytes);
  return at;
}

uint64_t FakeHeap::Bytearray(std::string_view bytes) {
  const uint64_t data = python_->Allocate(bytes.size() + 1);
  memory_.Write(data, bytes);
  const uint64_t at = Object(Class("bytearray"), layout_.object.size + 40);
  const uint64_t words[] = {bytes.size(), bytes.size() + 1, data, data};
  memory_.Write(at + layout_.object.size, words, sizeof(words));
  return at;
}

uint64_t FakeHeap::List(const std::vector<uint64_t>& items) {
  const uint64_t data = python_->Allocate(items.size() * 8 + 8);
  memory_.Write(data, items.data(), items.size() * 8);
  const uint64_t at = Object(Class("list", kList), layout_.list.size);
  memory_.Put(at + layout_.list.ob_size, static_cast<uint64_t>(items.size()));
  memory_.Put(at + layout_.list.ob_item, data);
  memory_.Put(at + layout_.list.ob_item + 8, static_cast<uint64_t>(items.size()));
  return at;
}

uint64_t FakeHeap::Tuple(const std::vector<uint64_t>& items) {
  const uint64_t at = Object(Class("tuple", kTuple), layout_.tuple.ob_item + items.size() * 8);
  memory_.Put(at + layout_.tuple.ob_size, static_cast<uint64_t>(items.size()));
  memory_.Write(at + layout_.tuple.ob_item, items.data(), items.size() * 8);
  return at;
}

uint64_t FakeHeap::Keys(const Items& items, bool split) {
  const uint64_t table = uint64_t{1} << kLog2Size;
  const uint64_t entry_size = split ? 16 : 24;
  const uint64_t at = python_->Allocate(kKeysHead + table + items.size() * entry_size);
  memory_.Put(at + 8, kLog2Size);
  memory_.Put(at + 9, kLog2Size);
  memory_.Put(at + 10, split ? kSplitKind : kGeneralKind);
  memory_.Put(at + 16, kUsable - items.size());
  memory_.Put(at + 24, static_cast<uint64_t>(items.size()));
  uint64_t entry = at + kKeysHead + table;
  for (const auto& [key, value] : items) {
    memory_.Put(entry + entry_size - 16, key);
    if (!split) memory_.Put(entry + entry_size - 8, value);
    entry += entry_size;
  }
  return at;
}

uint64_t FakeHeap::Dict(const Items& items) {
  const uint64_t at = Object(Class("dict", kDict), layout_.dict.size);
  uint64_t used = 0;
  for (const auto& [key, value] : items) used += value != 0 ? 1 : 0;
  memory_.Put(at + layout_.object.size, used);
  memory_.Put(at + layout_.dict.ma_keys, Keys(items, false));
  return at;
}

uint64_t FakeHeap::SplitDict(const Items& items) {
  const uint64_t at = Dict(items);
  const uint64_t values = python_->Allocate(8 + items.size() * 8);
  memory_.Put(values, static_cast<uint8_t>(items.size()));
  for (size_t i = 0; i < items.size(); ++i) memory_.Put(values + 8 + 8 * i, items[i].second);
  memory_.Put(at + layout_.dict.ma_keys, Keys(items, true));
  memory_.Put(at + layout_.dict.ma_values, values);
  return at;
}

uint64_t FakeHeap::Set(const std::vector<uint64_t>& items) {
  const uint64_t table = python_->Allocate((kSetMask + 1) * 16);
  // A deleted entry comes first.
  memory_.Put(table, python_->none());
  memory_.Put(table + 8, ~uint64_t{0});
  for (size_t i = 0; i < items.size(); ++i) {
    memory_.Put(table + (i + 2) * 16, items[i]);
    memory_.Put(table + (i + 2) * 16 + 8, uint64_t{42});
  }
  const uint64_t at = Object(Class("set"), layout_.object.size + 48);
  const uint64_t words[] = {items.size() + 1, items.size(), kSetMask, table};
  memory_.Write(at + layout_.object.size, words, sizeof(words));
  return at;
}

uint64_t FakeHeap::Cell(uint64_t content) {
  const uint64_t at = Object(Class("cell"), layout_.object.size + 8);
  memory_.Put(at + layout_.object.size, content);
  return at;
}

uint64_t FakeHeap::Instance(std::string_view type_name, const Items& attributes, bool in_dict) {
  const uint64_t basicsize = layout_.object.size;
  const uint64_t type = Class(type_name, kHeapType | kManagedDict | kInlineValues, basicsize);
  const uint64_t cached = layout_.heap_type.ht_cached_keys != 0 ? layout_.heap_type.ht_cached_keys
                                                                : layout_.type.size + kCachedKeys;
  memory_.Put(type + cached, Keys(attributes, true));
  const uint64_t at = Object(type, basicsize + 8 + attributes.size() * 8);
  const uint64_t values = at + basicsize;
  memory_.Put(values, static_cast<uint8_t>(attributes.size()));
  memory_.Put(values + 2, uint8_t{1});
  memory_.Put(values + 3, static_cast<uint8_t>(in_dict ? 0 : 1));
  for (size_t i = 0; i < attributes.size() && !in_dict; ++i) {
    memory_.Put(values + 8 + 8 * i, attributes[i].second);
  }
  if (in_dict) memory_.Put(at - kManagedDictBefore, Dict(attributes));
  return at;
}

uint64_t FakeHeap::Array(const std::vector<uint64_t>& shape) {
  const uint64_t dimensions = python_->Allocate(shape.size() * 8 + 8);
  memory_.Write(dimensions, shape.data(), shape.size() * 8);
  const uint64_t descriptor = Object(Class("numpy.dtype"), layout_.object.size + 8);
  memory_.Put(descriptor + layout_.object.size, Class("numpy.float64"));
  const uint64_t at = Object(Class("numpy.ndarray"), layout_.object.size + 64);
  const uint64_t words[] = {0, shape.size(), dimensions, dimensions, 0, descriptor};
  memory_.Write(at + layout_.object.size, words, sizeof(words));
  return at;
}

void FakeHeap::SetVariables(uint64_t frame, uint64_t code, int arguments,
                            const std::vector<Variable>& variables) {
  std::vector<uint64_t> names;
  std::string kinds;
  for (size_t i = 0; i < variables.size(); ++i) {
    names.push_back(python_->Str(variables[i].name));
    kinds.push_back(static_cast<char>(variables[i].kind));
    memory_.Put(frame + layout_.frame.localsplus + 8 * i, variables[i].slot);
  }
  memory_.Put(code + layout_.code.localsplusnames, Tuple(names));
  memory_.Put(code + layout_.code.localspluskinds, Bytes(kinds));
  memory_.Put(code + layout_.code.argcount - 4, uint32_t{1});  // CO_OPTIMIZED
  memory_.Put(code + layout_.code.argcount, int32_t{arguments});
  memory_.Put(code + layout_.code.argcount + 4, uint64_t{0});
}

}  // namespace pyprof::test
