#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace pyprof::test {

/// One 64-bit word of `_Py_DebugOffsets`; names are CPython's, `section.field`.
struct OffsetWord {
  std::string_view name;
  uint64_t value;
};

/// `_Py_DebugOffsets`, word for word, as three real interpreters publish it: 3.13.18, 3.14.10 and
/// 3.15.2 for x86-64, built with a GIL. Words can be changed to say something else.
class OffsetTable {
 public:
  /// `minor` is 13, 14 or 15.
  explicit OffsetTable(int minor);

  /// Makes it that of a free-threaded build, after CPython's source: objects have a head of 32
  /// bytes (ob_tid 8, flags and locks 4, ob_ref_local 4, ob_ref_shared 8, ob_type 8), frames and
  /// code know of bytecode that belongs to a thread. Not read from a real one.
  void MakeFreeThreaded();

  /// All words in order, beginning with cookie, version, free_threaded.
  std::vector<OffsetWord>& words() { return words_; }
  bool Has(std::string_view name) const;
  /// The word of this name; aborts when the version has none, which is an error in the test.
  uint64_t& operator[](std::string_view name);

  std::vector<std::byte> Bytes() const;

 private:
  std::vector<OffsetWord> words_;
};

}  // namespace pyprof::test
