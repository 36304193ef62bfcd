#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pyprof {

/// What a value is shown as. Names in src/sampling/value.ts.
enum class ValueKind : uint8_t {
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
  kArray,
  kFunction,
  kModule,
  kClass,
  kCode,
  kGenerator,
  kObject,
  /// An object that holds, directly or not, the place where it is met again.
  kCycle,
  /// No object: a variable that has no value yet, or none any more.
  kUnbound,
  /// What is at the address is not an object, or does not hold together.
  kUnreadable,
  /// Not read: the limit of bytes or of time was reached.
  kBeyondLimit,
};

/// A Python object as it was found in memory: a tree, cut where the limits are. No code of the
/// target had a part in it, so what it shows is what the object holds, not what its `__repr__`
/// would say.
struct Value {
  ValueKind kind = ValueKind::kUnreadable;
  /// 0: none.
  uint64_t address = 0;
  /// Its class, with the module: `int`, `app.Store`.
  std::string type;
  /// - bool, int, float, complex: as Python writes it; an int of more digits than may be shown: "".
  /// - str: its characters. bytes, bytearray: one character a byte.
  /// - enum: the member's name. array: the element type. function, module, class, code, generator:
  ///   its name. object: what a date or time says, as ISO 8601; else empty.
  std::u16string text;
  /// How much there is in all: characters, bytes, items, attributes. Of an int that is cut, bits.
  std::optional<uint64_t> length;
  /// Less is shown than there is.
  bool cut = false;
  /// Of an array.
  std::vector<uint64_t> shape;
  /// Items; values of a dict, in the order of `keys`; of attributes, in the order of `names`; an
  /// enum member's value.
  std::vector<Value> items;
  std::vector<Value> keys;
  /// Of an object's attributes, or a named tuple's fields.
  std::vector<std::string> names;
};

/// How much is read; what is beyond is said to be so.
struct ValueLimits {
  /// Containers in containers; 0 shows none of a container's items.
  size_t depth = 3;
  /// Items of a container, attributes of an object.
  size_t items = 20;
  /// Characters of a str, bytes of a bytes object, digits of an int.
  size_t text = 200;
  /// Of all values of a picture together, as they take in memory here.
  size_t bytes = 1u << 20;
  /// Time for all of them, ns.
  uint64_t time = 1'000'000'000;
};

/// Bounds of the limits.
inline constexpr size_t kMaxValueDepth = 16;
inline constexpr size_t kMaxValueItems = 10'000;
inline constexpr size_t kMaxValueText = 1u << 20;
inline constexpr size_t kMaxValueBytes = 64u << 20;

}  // namespace pyprof
