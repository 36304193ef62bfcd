#include "code/location_table.h"

#include <map>
#include <tuple>

namespace pyprof {
namespace {

class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool AtEnd() const { return at_ >= bytes_.size() || damaged_; }
  bool damaged() const { return damaged_; }

  uint8_t Next() {
    if (at_ >= bytes_.size()) {
      damaged_ = true;
      return 0;
    }
    return static_cast<uint8_t>(bytes_[at_++]);
  }

  /// 6 bits a byte, least significant first; bit 6 says that more follow.
  uint32_t Varint() {
    uint32_t value = 0;
    for (int shift = 0; shift < 32; shift += 6) {
      const uint8_t byte = Next();
      value |= static_cast<uint32_t>(byte & 63) << shift;
      if ((byte & 64) == 0) return value;
    }
    damaged_ = true;
    return 0;
  }

  int32_t SignedVarint() {
    const uint32_t value = Varint();
    const auto magnitude = static_cast<int32_t>(value >> 1);
    return (value & 1) != 0 ? -magnitude : magnitude;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
  bool damaged_ = false;
};

// Codes of _PyCodeLocationInfoKind.
constexpr int kOneLine0 = 10;
constexpr int kOneLine2 = 12;
constexpr int kNoColumns = 13;
constexpr int kLong = 14;
constexpr int kNone = 15;

}  // namespace

LocationTable::LocationTable(std::span<const std::byte> table, int32_t first_line) {
  std::map<std::tuple<int32_t, int32_t, int32_t, int32_t>, uint32_t> known;
  Bytes bytes(table);
  // Hostile deltas must wrap, not overflow.
  auto line = static_cast<uint32_t>(first_line);
  while (!bytes.AtEnd()) {
    const uint8_t head = bytes.Next();
    if ((head & 128) == 0) break;
    const int code = (head >> 3) & 15;
    const size_t units = (head & 7) + 1u;
    Location location;
    if (code == kNone) {
      // No location: the line stays 0.
    } else if (code == kLong) {
      line += static_cast<uint32_t>(bytes.SignedVarint());
      location.line = static_cast<int32_t>(line);
      location.end_line = static_cast<int32_t>(line + bytes.Varint());
      location.column = static_cast<int32_t>(bytes.Varint() - 1u);
      location.end_column = static_cast<int32_t>(bytes.Varint() - 1u);
    } else if (code == kNoColumns) {
      line += static_cast<uint32_t>(bytes.SignedVarint());
      location.line = location.end_line = static_cast<int32_t>(line);
    } else if (code >= kOneLine0 && code <= kOneLine2) {
      line += static_cast<uint32_t>(code - kOneLine0);
      location.line = location.end_line = static_cast<int32_t>(line);
      location.column = bytes.Next();
      location.end_column = bytes.Next();
    } else {
      const uint8_t second = bytes.Next();
      location.line = location.end_line = static_cast<int32_t>(line);
      location.column = (code << 3) | (second >> 4);
      location.end_column = location.column + (second & 15);
    }
    if (bytes.damaged()) break;
    const auto [at, added] =
        known.try_emplace({location.line, location.end_line, location.column, location.end_column},
                          static_cast<uint32_t>(entries_.size()));
    if (added) entries_.push_back(location);
    entry_of_unit_.insert(entry_of_unit_.end(), units, at->second);
  }
}

}  // namespace pyprof
