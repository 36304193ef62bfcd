#include "objects/attributes.h"

#include <algorithm>

#include "memory/load.h"
#include "objects/scatter_read.h"
#include "objects/values.h"

namespace pyprof {
namespace {

/// Where ht_cached_keys can be: behind the PyTypeObject and 55 words of method tables, with room
/// for what a build adds.
constexpr size_t kHeapTypeTail = 640;
/// Longest attribute name that is compared.
constexpr uint64_t kMaxName = 64;

/// Read of each object at first: its head and, nearly always, its inline values.
constexpr size_t kSmallObject = 192;

/// End of the inline values that the indexes point at, from the object's start.
size_t InlineEnd(const Type& type, std::span<const std::optional<size_t>> indexes) {
  size_t last = 0;
  for (const auto& index : indexes) last = std::max(last, index.value_or(0));
  return type.basicsize + kValuesHead + (last + 1) * 8;
}

}  // namespace

void Attributes::Forget() {
  shared_.clear();
  keys_.clear();
}

/// In front of an object lie, from near to far: the garbage collector's two words (not in a
/// free-threaded build), the managed dict, the list of weak references
/// (Include/internal/pycore_object.h, MANAGED_DICT_OFFSET).
uint64_t Attributes::ManagedDictAddress(uint64_t object) const {
  return object - (layout_.free_threaded ? 8 : 24);
}

Attributes::Indexes Attributes::Search(const std::vector<DictItem>& items) {
  std::vector<uint64_t> unknown;
  for (const DictItem& item : items) {
    if (!keys_.contains(item.key)) unknown.push_back(item.key);
  }
  const auto texts = ReadStrings(memory_, layout_, types_, unknown, kMaxName);
  for (size_t i = 0; i < unknown.size(); ++i) {
    std::optional<size_t>& name = keys_[unknown[i]];
    for (size_t n = 0; n < names_.size(); ++n) {
      if (texts[i] == names_[n]) name = n;
    }
  }
  Indexes indexes(names_.size());
  for (size_t i = 0; i < items.size(); ++i) {
    const std::optional<size_t> name = keys_[items[i].key];
    if (name) indexes[*name] = i;
  }
  return indexes;
}

std::optional<Attributes::Indexes> Attributes::IndexesIn(uint64_t keys) {
  const auto table = ReadDictKeys(memory_, keys);
  if (!table || !table->split) return std::nullopt;
  const auto items = ReadEntries(memory_, *table, 0, table->count);
  if (!items) return std::nullopt;
  return Search(*items);
}

/// ht_cached_keys is published from 3.15 on. Before, it is the word of the class that points to a
/// shared table in which all the names are.
void Attributes::FindCachedKeys(const Type& type) {
  if (layout_.heap_type.ht_cached_keys != 0) {
    cached_keys_ = layout_.heap_type.ht_cached_keys;
    return;
  }
  std::byte tail[kHeapTypeTail];
  const Range range{type.address + layout_.type.size, sizeof(tail)};
  const int64_t got = memory_->ReadRanges({&range, 1}, tail);
  for (int64_t offset = 0; offset + 8 <= got; offset += 8) {
    const auto indexes = IndexesIn(Load<uint64_t>(tail + offset));
    const auto found = [](const std::optional<size_t>& index) { return index.has_value(); };
    if (!indexes || !std::all_of(indexes->begin(), indexes->end(), found)) continue;
    cached_keys_ = layout_.type.size + static_cast<uint64_t>(offset);
    return;
  }
}

const Attributes::Indexes* Attributes::SharedIndexes(const Type& type) {
  const auto [at, is_new] = shared_.try_emplace(type.address);
  if (is_new) {
    if (cached_keys_ == 0) FindCachedKeys(type);
    uint64_t keys = 0;
    if (cached_keys_ != 0 && memory_->ReadValue(type.address + cached_keys_, &keys)) {
      at->second = IndexesIn(keys);
    }
  }
  return at->second ? &*at->second : nullptr;
}

void Attributes::FromDict(uint64_t object, std::vector<uint64_t>* out) {
  uint64_t dict = 0;
  if (!memory_->ReadValue(ManagedDictAddress(object), &dict)) return;
  const auto items = dicts_.Items(dict);
  if (!items) return;
  const Indexes indexes = Search(*items);
  for (size_t n = 0; n < indexes.size(); ++n) {
    if (indexes[n]) (*out)[n] = (*items)[*indexes[n]].value;
  }
}

/// False when the object's values are not (any more) inside it.
bool Attributes::FromInlineValues(const Type& type, const Indexes& indexes,
                                  std::span<const std::byte> object,
                                  std::vector<uint64_t>* out) const {
  if (object.size() < InlineEnd(type, indexes)) return false;
  const std::byte* values = object.data() + type.basicsize;
  const auto capacity = Load<uint8_t>(values);
  const bool embedded = Load<uint8_t>(values + 2) == 1;
  const bool valid = Load<uint8_t>(values + 3) == 1;
  if (!embedded || !valid) return false;
  for (size_t n = 0; n < indexes.size(); ++n) {
    const std::optional<size_t> index = indexes[n];
    if (index && *index < capacity) {
      (*out)[n] = Load<uint64_t>(values + kValuesHead + *index * 8);
    }
  }
  return true;
}

std::vector<Attributes::Values> Attributes::Read(std::span<const uint64_t> objects) {
  std::vector<Range> ranges;
  for (const uint64_t object : objects) ranges.push_back({object, kSmallObject});
  const ScatterRead small_ones(memory_, ranges);

  std::vector<Values> results(objects.size());
  std::vector<const Indexes*> indexes(objects.size());
  for (size_t i = 0; i < objects.size(); ++i) {
    const std::span<const std::byte> bytes = small_ones[i];
    ranges[i].size = 0;
    if (bytes.size() < layout_.object.size || objects[i] % 8 != 0) continue;
    const Type* type = types_->At(Load<uint64_t>(bytes.data() + layout_.object.ob_type));
    if (type == nullptr || !type->Has(kHeapType) || !type->Has(kManagedDict)) continue;
    results[i] = {type, std::vector<uint64_t>(names_.size())};
    if (type->Has(kInlineValues)) indexes[i] = SharedIndexes(*type);
    if (indexes[i] == nullptr) continue;
    const size_t end = InlineEnd(*type, *indexes[i]);
    if (end > bytes.size()) ranges[i].size = end;
  }
  const ScatterRead big_ones(memory_, ranges);

  for (size_t i = 0; i < objects.size(); ++i) {
    if (results[i].type == nullptr) continue;
    const std::span<const std::byte> bytes = ranges[i].size > 0 ? big_ones[i] : small_ones[i];
    const bool has_inline = indexes[i] != nullptr && FromInlineValues(*results[i].type, *indexes[i],
                                                                      bytes, &results[i].values);
    if (!has_inline) FromDict(objects[i], &results[i].values);
  }
  return results;
}

}  // namespace pyprof
