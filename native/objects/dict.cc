#include "objects/dict.h"

#include <algorithm>

#include "memory/load.h"
#include "objects/values.h"

namespace pyprof {
namespace {

constexpr uint8_t kGeneral = 0, kUnicode = 1, kSplit = 2;
constexpr uint64_t kKeysHead = 32;
constexpr size_t kMaxNameSearched = 64;

/// All values of a PyDictValues.
std::optional<std::vector<uint64_t>> ReadValues(RemoteMemory* memory, uint64_t address) {
  uint8_t head[kValuesHead];
  if (address % 8 != 0 || !memory->Read(address, head, sizeof(head))) return std::nullopt;
  std::vector<uint64_t> values(head[0]);
  if (!memory->Read(address + kValuesHead, values.data(), values.size() * 8)) return std::nullopt;
  return values;
}

}  // namespace

std::optional<DictKeys> ReadDictKeys(RemoteMemory* memory, uint64_t address, size_t most) {
  std::byte head[kKeysHead];
  if (address == 0 || address % 8 != 0 || !memory->Read(address, head, sizeof(head))) {
    return std::nullopt;
  }
  const auto log2_size = Load<uint8_t>(head + 8);
  const auto log2_bytes = Load<uint8_t>(head + 9);
  const auto kind = Load<uint8_t>(head + 10);
  const auto usable = Load<uint64_t>(head + 16);
  const auto count = Load<uint64_t>(head + 24);
  // An index of the hash table takes 1, 2, 4 or 8 bytes; the table itself at least 8.
  const bool sound = kind <= kSplit && log2_bytes >= 3 && log2_bytes < 40 &&
                     log2_bytes >= log2_size && log2_bytes <= std::max(log2_size + 3, 3) &&
                     count <= most && usable <= most && count + usable <= uint64_t{1} << log2_size;
  if (!sound) return std::nullopt;
  return DictKeys{address + kKeysHead + (uint64_t{1} << log2_bytes), kind == kGeneral ? 24u : 16u,
                  count, kind == kSplit};
}

std::optional<std::vector<DictItem>> ReadEntries(RemoteMemory* memory, const DictKeys& keys,
                                                 size_t first, size_t count) {
  if (first >= keys.count) return std::vector<DictItem>{};
  count = std::min(count, keys.count - first);
  std::vector<std::byte> bytes(count * keys.entry_size);
  if (!memory->Read(keys.entries + first * keys.entry_size, bytes.data(), bytes.size())) {
    return std::nullopt;
  }
  std::vector<DictItem> items;
  items.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const std::byte* at = bytes.data() + (i + 1) * keys.entry_size - 16;
    items.push_back({Load<uint64_t>(at), keys.split ? 0 : Load<uint64_t>(at + 8)});
  }
  return items;
}

std::optional<size_t> FindName(RemoteMemory* memory, const Layout& layout, Types* types,
                               const std::vector<DictItem>& items, std::string_view name) {
  std::vector<uint64_t> keys;
  for (const DictItem& item : items) keys.push_back(item.key);
  const auto texts = ReadStrings(memory, layout, types, keys, kMaxNameSearched);
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i] == name) return i;
  }
  return std::nullopt;
}

std::optional<Dicts::Head> Dicts::Open(uint64_t dict) {
  if (dict == 0 || dict % 8 != 0) return std::nullopt;
  std::vector<std::byte> bytes(
      std::max({layout_.object.ob_type, layout_.dict.ma_keys, layout_.dict.ma_values}) + 8);
  if (!memory_->Read(dict, bytes.data(), bytes.size())) return std::nullopt;
  const Type* type = types_->At(Load<uint64_t>(bytes.data() + layout_.object.ob_type));
  if (type == nullptr || !type->Has(kDictSubclass)) return std::nullopt;
  const auto keys = Load<uint64_t>(bytes.data() + layout_.dict.ma_keys);
  const auto values = Load<uint64_t>(bytes.data() + layout_.dict.ma_values);
  const auto table = ReadDictKeys(memory_, keys);
  if (!table || table->split != (values != 0)) return std::nullopt;
  Head head{*table, {}};
  if (table->split) {
    auto own = ReadValues(memory_, values);
    if (!own) return std::nullopt;
    head.values = std::move(*own);
  }
  return head;
}

std::optional<std::vector<DictItem>> Dicts::Entries(const Head& head, size_t first, size_t count) {
  auto items = ReadEntries(memory_, head.keys, first, count);
  if (items && head.keys.split) {
    for (size_t i = 0; i < items->size() && first + i < head.values.size(); ++i) {
      (*items)[i].value = head.values[first + i];
    }
  }
  return items;
}

std::optional<std::vector<DictItem>> Dicts::Items(uint64_t dict) {
  const auto head = Open(dict);
  if (!head) return std::nullopt;
  return Entries(*head, 0, head->keys.count);
}

uint64_t Dicts::Find(uint64_t dict, std::string_view name, size_t* hint) {
  const auto head = Open(dict);
  if (!head) return 0;
  auto items = Entries(*head, *hint, 1);
  if (items && FindName(memory_, layout_, types_, *items, name)) return items->front().value;
  items = Entries(*head, 0, head->keys.count);
  if (!items) return 0;
  const auto index = FindName(memory_, layout_, types_, *items, name);
  if (!index) return 0;
  *hint = *index;
  return (*items)[*index].value;
}

}  // namespace pyprof
