#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pyprof {

/// A place in a source file. Lines are 1-based, 0 means unknown; columns are 0-based bytes, -1
/// means unknown.
struct Location {
  int32_t line = 0;
  int32_t end_line = 0;
  int32_t column = -1;
  int32_t end_column = -1;

  bool operator==(const Location&) const = default;
};

/// A code object's decoded `co_linetable` (InternalDocs/code_objects.md of CPython): which
/// location each code unit (2 bytes of bytecode) belongs to.
class LocationTable {
 public:
  /// Decodes what is there; a damaged tail ends the table early.
  LocationTable(std::span<const std::byte> table, int32_t first_line);

  /// Number of code units the table covers.
  size_t units() const { return entry_of_unit_.size(); }
  /// Index of the unit's location; units() must be larger than `unit`.
  uint32_t EntryOf(size_t unit) const { return entry_of_unit_[unit]; }
  const Location& Entry(uint32_t entry) const { return entries_[entry]; }
  size_t entries() const { return entries_.size(); }

 private:
  std::vector<Location> entries_;
  std::vector<uint32_t> entry_of_unit_;
};

}  // namespace pyprof
