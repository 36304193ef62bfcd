#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memory/remote_memory.h"
#include "runtime/layout.h"
#include "values/type_table.h"
#include "values/value.h"

namespace pyprof {

/// Reads Python objects out of memory, as trees within limits. What is read is not trusted: every
/// pointer may lead anywhere and every length may be absurd.
///
/// Layouts that CPython does not publish are counted from the head of an object. They are those of
/// Include/cpython (bytearrayobject.h, complexobject.h, funcobject.h, methodobject.h, setobject.h,
/// pyerrors.h), of Include/datetime.h and of numpy's ndarraytypes.h, which compiled extensions rely
/// on, and the same in all versions that are read; each is used only for what its class says it is.
class ValueReader {
 public:
  ValueReader(RemoteMemory* memory, const Layout& layout, const ValueLimits& limits);

  /// Begins a picture: forgets what was read, and all limits are whole again.
  void Begin();

  Value Read(uint64_t object) { return At(object, 0); }

  /// Whether the limit of bytes or of time was reached since Begin.
  bool LimitReached() const { return limit_reached_; }
  /// Counts bytes that are kept for a value; false when the limit is reached.
  bool Spend(size_t bytes);

  TypeTable* types() { return &types_; }
  const ValueLimits& limits() const { return limits_; }

  /// Text of a str, cut to `max_length` characters. Nothing when it is none.
  std::optional<std::u16string> Str(uint64_t object, size_t max_length);
  /// Addresses of the items of a tuple, `most` of them at most. Nothing when it is none.
  std::optional<std::vector<uint64_t>> Tuple(uint64_t object, size_t most);

  /// Items of a dict from the first on that has a value, `most` at most; `*length` is how many it
  /// has in all. Nothing when it is no dict.
  std::optional<std::vector<DictItem>> DictItems(uint64_t dict, size_t most, uint64_t* length);

 private:
  Value At(uint64_t object, size_t depth);
  void Fill(uint64_t object, const TypeFacts& facts, size_t depth, Value* out);

  void FillInt(uint64_t object, bool is_bool, Value* out);
  void FillFloat(uint64_t object, Value* out);
  void FillComplex(uint64_t object, Value* out);
  void FillStr(uint64_t object, Value* out);
  void FillBytes(uint64_t data, uint64_t length, Value* out);
  void FillBytesObject(uint64_t object, Value* out);
  void FillBytearray(uint64_t object, Value* out);
  void FillList(uint64_t object, size_t depth, Value* out);
  void FillTuple(uint64_t object, const TypeFacts& facts, size_t depth, Value* out);
  void FillItems(uint64_t items, uint64_t length, size_t depth, Value* out);
  void FillSet(uint64_t object, size_t depth, Value* out);
  void FillDict(uint64_t object, size_t depth, Value* out);
  void FillEnum(uint64_t object, const TypeFacts& facts, size_t depth, Value* out);
  void FillNumpyArray(uint64_t object, Value* out);
  void FillArray(uint64_t object, Value* out);
  void FillNamed(uint64_t name, ValueKind kind, Value* out);
  void FillBuiltin(uint64_t object, Value* out);
  void FillMethod(uint64_t object, size_t depth, Value* out);
  void FillModule(uint64_t object, Value* out);
  void FillClass(uint64_t object, Value* out);
  bool FillDate(uint64_t object, Shape shape, Value* out);
  void FillObject(uint64_t object, const TypeFacts& facts, size_t depth, Value* out);

  /// Attributes of an object: name and value, `most` at most; `*length` is how many it has.
  struct Attribute {
    std::string name;
    uint64_t value;
  };
  std::vector<Attribute> AttributesOf(uint64_t object, const TypeFacts& facts, size_t most,
                                      uint64_t* length);
  bool InlineAttributes(uint64_t object, const TypeFacts& facts, size_t most, uint64_t* length,
                        std::vector<Attribute>* out);
  void Attach(const std::vector<Attribute>& attributes, uint64_t length, size_t depth, Value* out);
  std::string NameText(uint64_t object);

  RemoteMemory* memory_;
  const Layout& layout_;
  const ValueLimits limits_;
  TypeTable types_;
  size_t spent_ = 0;
  uint64_t began_ = 0;
  size_t looks_ = 0;
  bool limit_reached_ = false;
  /// The containers and objects that are being read, outermost first.
  std::vector<uint64_t> path_;
};

}  // namespace pyprof
