#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "code/location_table.h"

namespace pyprof::test {

/// Writes a `co_linetable` (InternalDocs/code_objects.md of CPython), as the compiler does.
class LocationEncoder {
 public:
  explicit LocationEncoder(int32_t first_line) : line_(first_line) {}

  /// `units` code units at one location, in the shortest form that holds it.
  LocationEncoder& Add(size_t units, const Location& location);

  // The forms by name, for tests of one of them. At most 8 units each.
  LocationEncoder& Short(size_t units, int column, int end_column);
  LocationEncoder& OneLine(size_t units, int line_delta, uint8_t column, uint8_t end_column);
  LocationEncoder& NoColumns(size_t units, int32_t line_delta);
  LocationEncoder& Long(size_t units, const Location& location);
  LocationEncoder& NoLocation(size_t units);

  // The bricks, for tests of damage.
  LocationEncoder& Head(int code, size_t units);
  LocationEncoder& Byte(int byte);
  LocationEncoder& Varint(uint32_t value);
  LocationEncoder& SignedVarint(int32_t value);

  const std::string& bytes() const { return bytes_; }

 private:
  void AddOne(size_t units, const Location& location);

  int32_t line_;
  std::string bytes_;
};

}  // namespace pyprof::test
