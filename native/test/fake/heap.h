#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/fake/python.h"

namespace pyprof::test {

/// Objects of a fake Python's heap, laid out as CPython does it.
class FakeHeap {
 public:
  using Items = std::vector<std::pair<uint64_t, uint64_t>>;

  explicit FakeHeap(FakePython* python);

  /// A class of this name; made when there is none.
  uint64_t Class(std::string_view name, uint64_t flags = 0, uint64_t basicsize = 16);
  /// An object of `size` bytes.
  uint64_t Object(uint64_t type, uint64_t size);

  uint64_t Int(int64_t value);
  /// Digits of 30 bits, the least significant first.
  uint64_t Int(const std::vector<uint32_t>& digits, bool negative);
  uint64_t Bool(bool value);
  uint64_t Float(double value);
  uint64_t Complex(double real, double imaginary);
  uint64_t Bytes(std::string_view bytes);
  uint64_t Bytearray(std::string_view bytes);
  uint64_t List(const std::vector<uint64_t>& items);
  uint64_t Tuple(const std::vector<uint64_t>& items);
  uint64_t Dict(const Items& items);
  /// One whose keys are shared: values stand apart from them.
  uint64_t SplitDict(const Items& items);
  uint64_t Set(const std::vector<uint64_t>& items);
  uint64_t Cell(uint64_t content);
  /// An instance with these attributes, in it or in a dict.
  uint64_t Instance(std::string_view type, const Items& attributes, bool in_dict = false);
  /// A numpy array of float64.
  uint64_t Array(const std::vector<uint64_t>& shape);

  struct Variable {
    std::string name;
    uint8_t kind;
    /// As it stands in the frame: an object, or a tagged one.
    uint64_t slot;
  };
  /// Gives the function variables, and the frame values for them. The function must have been made
  /// with as many locals.
  void SetVariables(uint64_t frame, uint64_t code, int arguments,
                    const std::vector<Variable>& variables);

 private:
  uint64_t Keys(const Items& items, bool split);

  FakePython* python_;
  FakeMemory& memory_;
  const Layout& layout_;
  std::map<std::string, uint64_t, std::less<>> classes_;
};

}  // namespace pyprof::test
