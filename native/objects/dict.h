#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "memory/remote_memory.h"
#include "objects/types.h"
#include "runtime/layout.h"

namespace pyprof {

/// A key object and a value object; value 0: no item (a deleted one, or the key has none here).
struct DictItem {
  uint64_t key;
  uint64_t value;
};

/// A PyDictKeysObject: a dict's own table, or the one that the instances of a class share.
/// CPython does not publish its layout, which is the same in 3.13 to 3.15
/// (Include/internal/pycore_dict.h):
///   0 refcnt (8), 8 log2 of the hash table's length, 9 log2 of its bytes, 10 kind (1 each),
///   12 version (4), 16 usable (8), 24 count (8), 32 hash table, then the entries: hash, key, value
///   (8 each) of a general table, else key, value.
struct DictKeys {
  uint64_t entries;
  size_t entry_size;
  size_t count;
  /// Values are elsewhere, one array for each instance or dict.
  bool split;
};

/// Bound on tables that lie: far above what a process's modules, globals or threads fill.
inline constexpr size_t kMaxDictEntries = 1u << 17;

/// Nothing when what is there does not hold together as a table, or has more than `most` entries.
std::optional<DictKeys> ReadDictKeys(RemoteMemory* memory, uint64_t address,
                                     size_t most = kMaxDictEntries);
/// Entries from `first` on, at most `count`; the value of a split table's entry is 0. Nothing when
/// they are not readable.
std::optional<std::vector<DictItem>> ReadEntries(RemoteMemory* memory, const DictKeys& keys,
                                                 size_t first, size_t count);
/// Index of the key that is the str `name`.
std::optional<size_t> FindName(RemoteMemory* memory, const Layout& layout, Types* types,
                               const std::vector<DictItem>& items, std::string_view name);

/// A PyDictValues: the values that belong to a split table, in the order of its entries.
///   0 capacity, 1 size, 2 embedded: in an instance, 3 valid (1 each; not set unless embedded),
///   8 values.
inline constexpr uint64_t kValuesHead = 8;

/// Dict objects, and instances of subclasses of dict.
class Dicts {
 public:
  Dicts(RemoteMemory* memory, const Layout& layout, Types* types)
      : memory_(memory), layout_(layout), types_(types) {}

  /// Nothing when there is no dict at the address, or one that changes at this moment.
  std::optional<std::vector<DictItem>> Items(uint64_t dict);
  /// Value of the str key `name`, 0 when there is none. `*hint` is where it was found last time,
  /// and is looked at first.
  uint64_t Find(uint64_t dict, std::string_view name, size_t* hint);

 private:
  struct Head {
    DictKeys keys;
    std::vector<uint64_t> values;
  };
  std::optional<Head> Open(uint64_t dict);
  std::optional<std::vector<DictItem>> Entries(const Head& head, size_t first, size_t count);

  RemoteMemory* memory_;
  const Layout& layout_;
  Types* types_;
};

}  // namespace pyprof
