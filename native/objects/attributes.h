#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "memory/remote_memory.h"
#include "objects/dict.h"
#include "objects/types.h"
#include "runtime/layout.h"

namespace pyprof {

/// Reads attributes that instances of Python classes carry, as their `__dict__` would show them.
///
/// Where they are (Objects/dictobject.c, Objects/typeobject.c):
/// - in values inside the object, behind its tp_basicsize bytes, while these are marked valid; the
///   keys that go with them hang on the class (ht_cached_keys);
/// - else in a dict, to which a word in front of the object points.
class Attributes {
 public:
  /// All instances are asked for the same `names`.
  Attributes(RemoteMemory* memory, const Layout& layout, Types* types,
             std::vector<std::string_view> names)
      : memory_(memory),
        layout_(layout),
        types_(types),
        dicts_(memory, layout, types),
        names_(std::move(names)) {}

  struct Values {
    /// Null when there is no object at the address.
    const Type* type = nullptr;
    /// Addresses of the attributes' values, in the order of the names; 0: not set.
    std::vector<uint64_t> values;
  };
  /// One result for each object. The types are valid until Types::Forget.
  std::vector<Values> Read(std::span<const uint64_t> objects);

  /// To be called with Types::Forget.
  void Forget();

 private:
  using Indexes = std::vector<std::optional<size_t>>;

  uint64_t ManagedDictAddress(uint64_t object) const;
  const Indexes* SharedIndexes(const Type& type);
  std::optional<Indexes> IndexesIn(uint64_t keys);
  void FindCachedKeys(const Type& type);
  Indexes Search(const std::vector<DictItem>& items);
  bool FromInlineValues(const Type& type, const Indexes& indexes, std::span<const std::byte> object,
                        std::vector<uint64_t>* out) const;
  void FromDict(uint64_t object, std::vector<uint64_t>* out);

  RemoteMemory* memory_;
  const Layout& layout_;
  Types* types_;
  Dicts dicts_;
  const std::vector<std::string_view> names_;
  /// Offset of ht_cached_keys in a class; 0: not known.
  uint64_t cached_keys_ = 0;
  /// Where a class's shared keys have the names.
  std::unordered_map<uint64_t, std::optional<Indexes>> shared_;
  /// Which name a key object is, by its address: the keys of attributes are the same few objects.
  std::unordered_map<uint64_t, std::optional<size_t>> keys_;
};

}  // namespace pyprof
