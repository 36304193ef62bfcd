#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "memory/remote_memory.h"
#include "objects/dict.h"
#include "objects/types.h"
#include "runtime/layout.h"

namespace pyprof {

/// How an object's memory is laid out, as its class tells.
enum class Shape : uint8_t {
  kNone,
  kEllipsis,
  kNotImplemented,
  kBool,
  kInt,
  kFloat,
  kComplex,
  kStr,
  kBytes,
  kBytearray,
  kList,
  kTuple,
  kSet,
  kFrozenset,
  kDict,
  kEnum,
  kNumpyArray,
  kArray,
  kFunction,
  kBuiltin,
  kMethod,
  kModule,
  kClass,
  kCode,
  kGenerator,
  kException,
  kCell,
  kDate,
  kDatetime,
  kTime,
  kTimedelta,
  kObject,
};

/// An attribute that stands at a fixed place in its object: of `__slots__`, or of a class written
/// in C that shows one of its fields.
struct Slot {
  std::string name;
  uint64_t offset;
};

/// What is known of a class.
struct TypeFacts {
  const Type* type = nullptr;
  Shape shape = Shape::kObject;
  /// With the module, unless that is `builtins`.
  std::string name;
  /// Of it and its bases, those of the bases first.
  std::vector<Slot> slots;
  /// Where in an object the pointer to its `__dict__` stands; 0: not at a fixed place.
  uint64_t dict_offset = 0;
  /// Address of the keys that instances share; 0: none.
  uint64_t cached_keys = 0;
  /// Of a named tuple.
  std::vector<std::string> fields;
};

/// Classes, each looked at once for a picture.
///
/// Places in a type object that CPython does not publish are counted from those that it does. They
/// are the same in every version since 3.12, and extension modules have those of PyTypeObject
/// compiled in (Include/cpython/object.h).
class TypeTable {
 public:
  TypeTable(RemoteMemory* memory, const Layout& layout);
  TypeTable(const TypeTable&) = delete;
  TypeTable& operator=(const TypeTable&) = delete;

  /// Null when there is no class at the address.
  const TypeFacts* At(uint64_t address);
  void Forget();

  Types* types() { return &types_; }
  Dicts* dicts() { return &dicts_; }

 private:
  std::string NameOf(const Type& type);
  Shape ShapeOf(const Type& type, const std::vector<const Type*>& bases);
  bool IsEnum(const Type& type);
  void ReadSlots(const Type& type, TypeFacts* facts);
  std::vector<std::string> FieldsOf(const Type& type);
  const Type* BaseOf(const Type& type);
  uint64_t OwnDict(const Type& type);
  std::optional<std::string> Text(uint64_t object, uint64_t max_length);

  RemoteMemory* memory_;
  const Layout& layout_;
  Types types_;
  Dicts dicts_;
  /// The parts of PyTypeObject stand where they are expected.
  const bool has_parts_;
  std::unordered_map<uint64_t, TypeFacts> facts_;
};

}  // namespace pyprof
