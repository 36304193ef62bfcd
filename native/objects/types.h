#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "memory/remote_memory.h"
#include "runtime/layout.h"

namespace pyprof {

// Bits of tp_flags (Include/object.h), the same in all versions that are read.
inline constexpr uint64_t kInlineValues = 1u << 2;
inline constexpr uint64_t kManagedDict = 1u << 4;
inline constexpr uint64_t kHeapType = 1u << 9;
inline constexpr uint64_t kLongSubclass = 1u << 24;
inline constexpr uint64_t kUnicodeSubclass = 1u << 28;
inline constexpr uint64_t kDictSubclass = 1u << 29;
inline constexpr uint64_t kTypeSubclass = 1u << 31;

/// What is read of a type object.
struct Type {
  uint64_t address = 0;
  uint64_t metatype = 0;
  std::string name;  // tp_name: without the module for a class made by a class statement
  uint64_t basicsize = 0;
  uint64_t flags = 0;

  bool Has(uint64_t flag) const { return (flags & flag) != 0; }
};

/// Type objects, verified: one whose own type is a metaclass, up to `type`, which is its own type.
/// What was read is kept until `Forget`; static types, which live as long as the interpreter, for
/// good.
class Types {
 public:
  Types(RemoteMemory* memory, const Layout& layout) : memory_(memory), layout_(layout) {}

  /// Null when there is no type object at the address.
  const Type* At(uint64_t address) { return Verified(address, 0); }
  void Forget();

 private:
  const Type* Verified(uint64_t address, int depth);
  std::optional<Type> Read(uint64_t address);

  RemoteMemory* memory_;
  const Layout& layout_;
  std::unordered_map<uint64_t, std::optional<Type>> known_;
};

}  // namespace pyprof
