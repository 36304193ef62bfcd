#include "objects/types.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <vector>

#include "code/python_string.h"

namespace pyprof {
namespace {

/// A class, its metaclass, a metaclass of that, and `type`.
constexpr int kMaxMetaDepth = 4;
/// Above what any class's instances have as fixed part.
constexpr uint64_t kMaxBasicSize = 1u << 20;
constexpr size_t kMaxTypeName = 256;

}  // namespace

std::optional<Type> Types::Read(uint64_t address) {
  if (address == 0 || address % 8 != 0) return std::nullopt;
  // tp_basicsize follows tp_name in all versions (Include/cpython/object.h).
  const uint64_t basicsize =
      layout_.type.tp_basicsize != 0 ? layout_.type.tp_basicsize : layout_.type.tp_name + 8;
  const uint64_t size =
      std::max({layout_.object.ob_type, layout_.type.tp_name, basicsize, layout_.type.tp_flags}) +
      8;
  std::vector<std::byte> bytes(size);
  if (!memory_->Read(address, bytes.data(), size)) return std::nullopt;
  const auto word = [&](uint64_t offset) {
    uint64_t value = 0;
    std::memcpy(&value, bytes.data() + offset, sizeof(value));
    return value;
  };
  const auto name = ReadCString(memory_, word(layout_.type.tp_name), kMaxTypeName);
  Type type{address, word(layout_.object.ob_type), name.value_or(""), word(basicsize),
            word(layout_.type.tp_flags)};
  if (type.basicsize < layout_.object.size || type.basicsize > kMaxBasicSize) return std::nullopt;
  return type;
}

const Type* Types::Verified(uint64_t address, int depth) {
  const auto [at, is_new] = known_.try_emplace(address);
  if (is_new) {
    std::optional<Type> type = Read(address);
    if (type && type->metatype == address) {
      if (!type->Has(kTypeSubclass) || type->name != "type") type.reset();
    } else if (type) {
      const Type* meta = depth < kMaxMetaDepth ? Verified(type->metatype, depth + 1) : nullptr;
      if (meta == nullptr || !meta->Has(kTypeSubclass)) type.reset();
    }
    known_[address] = type;
  }
  const std::optional<Type>& type = known_[address];
  return type ? &*type : nullptr;
}

void Types::Forget() {
  std::erase_if(known_,
                [](const auto& entry) { return !entry.second || entry.second->Has(kHeapType); });
}

}  // namespace pyprof
