#include "objects/values.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "code/python_string.h"
#include "memory/load.h"
#include "objects/scatter_read.h"

namespace pyprof {
namespace {

/// Read of each str at first: its head and, nearly always, its text.
constexpr size_t kShortString = 128;

/// One object's bytes, already here, as the memory that they were read from.
class LocalCopy final : public RemoteMemory {
 public:
  LocalCopy(uint64_t address, std::span<const std::byte> bytes)
      : address_(address), bytes_(bytes) {}

  int64_t ReadRanges(std::span<const Range> ranges, std::byte* out) override {
    int64_t done = 0;
    for (const Range& range : ranges) {
      const uint64_t offset = range.address - address_;
      const size_t got =
          offset < bytes_.size() ? std::min<size_t>(range.size, bytes_.size() - offset) : 0;
      std::memcpy(out + done, bytes_.data() + offset, got);
      done += static_cast<int64_t>(got);
      if (got < range.size) break;
    }
    return done > 0 ? done : -EFAULT;
  }

 private:
  uint64_t address_;
  std::span<const std::byte> bytes_;
};

/// Size of a str object up to the end of its text, of which `max_length` code points count; 0 when
/// the head is not that of a compact str. Bits of `state` as in python_string.cc.
uint64_t StringSize(const Layout& layout, const std::byte* head, uint64_t max_length) {
  const auto state = Load<uint32_t>(head + layout.unicode.state);
  const auto length = Load<uint64_t>(head + layout.unicode.length);
  const uint32_t kind = (state >> 2) & 7;
  const bool compact = ((state >> 5) & 1) != 0;
  const bool ascii = ((state >> 6) & 1) != 0;
  if (!compact || (kind != 1 && kind != 2 && kind != 4)) return 0;
  return (ascii ? layout.unicode.asciiobject_size : layout.unicode.compactunicodeobject_size) +
         std::min(length, max_length) * kind;
}

}  // namespace

std::vector<std::optional<uint64_t>> ReadLongs(RemoteMemory* memory, const Layout& layout,
                                               Types* types, std::span<const uint64_t> objects) {
  // Every int object has room for two digits of 30 bits (Include/cpython/longintrepr.h).
  const uint64_t size =
      std::max({layout.object.ob_type + 8, layout.long_.lv_tag + 8, layout.long_.ob_digit + 8});
  std::vector<Range> ranges;
  for (const uint64_t object : objects) ranges.push_back({object, size});
  const ScatterRead read(memory, ranges);
  std::vector<std::optional<uint64_t>> values(objects.size());
  for (size_t i = 0; i < objects.size(); ++i) {
    if (read[i].size() < size) continue;
    const std::byte* const object = read[i].data();
    const Type* type = types->At(Load<uint64_t>(object + layout.object.ob_type));
    // Not a bool, nor a class of the program.
    if (type == nullptr || !type->Has(kLongSubclass) || type->name != "int") continue;
    // Bits 0 and 1 are the sign: 0 positive, 1 zero, 2 negative; digits are counted from bit 3.
    const auto tag = Load<uint64_t>(object + layout.long_.lv_tag);
    const uint64_t sign = tag & 3;
    const uint64_t digits = tag >> 3;
    if (sign > 1 || digits > 2) continue;
    uint64_t value = 0;
    for (uint64_t d = digits; d-- > 0;) {
      value = value << 30 | Load<uint32_t>(object + layout.long_.ob_digit + 4 * d);
    }
    values[i] = sign == 1 ? 0 : value;
  }
  return values;
}

std::vector<std::optional<std::string>> ReadStrings(RemoteMemory* memory, const Layout& layout,
                                                    Types* types, std::span<const uint64_t> objects,
                                                    uint64_t max_length) {
  std::vector<Range> ranges;
  for (const uint64_t object : objects) ranges.push_back({object, kShortString});
  const ScatterRead short_ones(memory, ranges);
  std::vector<uint64_t> sizes(objects.size());
  for (size_t i = 0; i < objects.size(); ++i) {
    const std::span<const std::byte> bytes = short_ones[i];
    ranges[i].size = 0;
    if (bytes.size() < layout.unicode.asciiobject_size) continue;
    const Type* type = types->At(Load<uint64_t>(bytes.data() + layout.object.ob_type));
    if (type == nullptr || !type->Has(kUnicodeSubclass)) continue;
    sizes[i] = StringSize(layout, bytes.data(), max_length);
    if (sizes[i] > bytes.size()) ranges[i].size = sizes[i];
  }
  const ScatterRead long_ones(memory, ranges);

  std::vector<std::optional<std::string>> values(objects.size());
  std::vector<std::byte> copy;
  for (size_t i = 0; i < objects.size(); ++i) {
    const std::span<const std::byte> bytes = ranges[i].size > 0 ? long_ones[i] : short_ones[i];
    if (sizes[i] == 0 || bytes.size() < sizes[i] ||
        StringSize(layout, bytes.data(), max_length) != sizes[i]) {
      continue;
    }
    copy.assign(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(sizes[i]));
    const auto length = Load<uint64_t>(copy.data() + layout.unicode.length);
    const uint64_t kept = std::min(length, max_length);
    std::memcpy(copy.data() + layout.unicode.length, &kept, sizeof(kept));
    LocalCopy local(objects[i], copy);
    values[i] = ReadPythonString(&local, layout, objects[i]);
    if (values[i] && kept < length) *values[i] += "\xe2\x80\xa6";
  }
  return values;
}

}  // namespace pyprof
