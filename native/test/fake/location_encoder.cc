#include "test/fake/location_encoder.h"

#include <algorithm>

namespace pyprof::test {

LocationEncoder& LocationEncoder::Add(size_t units, const Location& location) {
  for (; units > 0; units -= std::min<size_t>(units, 8)) {
    AddOne(std::min<size_t>(units, 8), location);
  }
  return *this;
}

void LocationEncoder::AddOne(size_t units, const Location& l) {
  if (l.line == 0) {
    NoLocation(units);
    return;
  }
  const int32_t delta = l.line - line_;
  const bool one_line = l.end_line == l.line;
  if (one_line && l.column < 0 && l.end_column < 0) {
    NoColumns(units, delta);
    return;
  }
  if (one_line && l.column >= 0 && l.end_column >= l.column) {
    if (delta == 0 && l.column < 80 && l.end_column - l.column < 16) {
      Short(units, l.column, l.end_column);
      return;
    }
    if (delta >= 0 && delta < 3 && l.end_column < 128) {
      OneLine(units, delta, static_cast<uint8_t>(l.column), static_cast<uint8_t>(l.end_column));
      return;
    }
  }
  Long(units, l);
}

LocationEncoder& LocationEncoder::Short(size_t units, int column, int end_column) {
  Head(column >> 3, units);
  return Byte((column & 7) << 4 | (end_column - column));
}

LocationEncoder& LocationEncoder::OneLine(size_t units, int line_delta, uint8_t column,
                                          uint8_t end_column) {
  line_ += line_delta;
  return Head(10 + line_delta, units).Byte(column).Byte(end_column);
}

LocationEncoder& LocationEncoder::NoColumns(size_t units, int32_t line_delta) {
  line_ += line_delta;
  return Head(13, units).SignedVarint(line_delta);
}

LocationEncoder& LocationEncoder::Long(size_t units, const Location& l) {
  const int32_t delta = l.line - line_;
  line_ = l.line;
  return Head(14, units)
      .SignedVarint(delta)
      .Varint(static_cast<uint32_t>(l.end_line - l.line))
      .Varint(static_cast<uint32_t>(l.column + 1))
      .Varint(static_cast<uint32_t>(l.end_column + 1));
}

LocationEncoder& LocationEncoder::NoLocation(size_t units) { return Head(15, units); }

LocationEncoder& LocationEncoder::Head(int code, size_t units) {
  return Byte(128 | code << 3 | static_cast<int>(units - 1));
}

LocationEncoder& LocationEncoder::Byte(int byte) {
  bytes_.push_back(static_cast<char>(byte));
  return *this;
}

LocationEncoder& LocationEncoder::Varint(uint32_t value) {
  for (; value >= 64; value >>= 6) Byte(64 | static_cast<int>(value & 63));
  return Byte(static_cast<int>(value));
}

LocationEncoder& LocationEncoder::SignedVarint(int32_t value) {
  const auto magnitude = static_cast<uint32_t>(value < 0 ? -value : value);
  return Varint(magnitude << 1 | (value < 0 ? 1u : 0u));
}

}  // namespace pyprof::test
