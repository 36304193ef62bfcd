#include "code/python_string.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

namespace pyprof {
namespace {

/// Bytes that the first read brings: header and, nearly always, the text.
constexpr size_t kFirstRead = 256;

// Bits of PyASCIIObject.state (Include/cpython/unicodeobject.h): interned 2, kind 3, compact 1,
// ascii 1.
constexpr uint32_t Kind(uint32_t state) { return (state >> 2) & 7; }
constexpr bool IsCompact(uint32_t state) { return ((state >> 5) & 1) != 0; }
constexpr bool IsAscii(uint32_t state) { return ((state >> 6) & 1) != 0; }

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xc0 | (c >> 6)));
    out->push_back(static_cast<char>(0x80 | (c & 63)));
  } else if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff) {
    char escaped[16];
    snprintf(escaped, sizeof(escaped), c > 0xffff ? "\\U%08x" : "\\u%04x", c);
    out->append(escaped);
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | (c >> 12)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 63)));
    out->push_back(static_cast<char>(0x80 | (c & 63)));
  } else {
    out->push_back(static_cast<char>(0xf0 | (c >> 18)));
    out->push_back(static_cast<char>(0x80 | ((c >> 12) & 63)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 63)));
    out->push_back(static_cast<char>(0x80 | (c & 63)));
  }
}

/// Reads as many of `size` bytes as there are before the first unreadable one.
size_t ReadUpTo(RemoteMemory* memory, uint64_t address, std::byte* out, size_t size) {
  const Range range{address, size};
  const int64_t got = memory->ReadRanges({&range, 1}, out);
  return got < 0 ? 0 : static_cast<size_t>(got);
}

}  // namespace

std::optional<std::string> ReadPythonString(RemoteMemory* memory, const Layout& layout,
                                            uint64_t address) {
  const size_t head = std::max(
      {layout.unicode.asciiobject_size, layout.unicode.state + 4, layout.unicode.length + 8});
  std::vector<std::byte> bytes(std::max(kFirstRead, head));
  bytes.resize(ReadUpTo(memory, address, bytes.data(), bytes.size()));
  if (bytes.size() < head) return std::nullopt;

  uint32_t state = 0;
  uint64_t length = 0;
  std::memcpy(&state, bytes.data() + layout.unicode.state, sizeof(state));
  std::memcpy(&length, bytes.data() + layout.unicode.length, sizeof(length));
  const uint32_t kind = Kind(state);
  if (!IsCompact(state) || (kind != 1 && kind != 2 && kind != 4)) return std::nullopt;

  const uint64_t kept = std::min(length, kMaxStringLength);
  const size_t data =
      IsAscii(state) ? layout.unicode.asciiobject_size : layout.unicode.compactunicodeobject_size;
  const size_t end = data + kept * kind;
  if (end > bytes.size()) {
    bytes.resize(end);
    if (!memory->Read(address, bytes.data(), end)) return std::nullopt;
  }

  std::string text;
  text.reserve(kept);
  for (size_t i = 0; i < kept; ++i) {
    uint32_t c = 0;
    std::memcpy(&c, bytes.data() + data + i * kind, kind);
    AppendUtf8(c, &text);
  }
  if (kept < length) text += "\xe2\x80\xa6";
  return text;
}

std::optional<std::string> ReadCString(RemoteMemory* memory, uint64_t address, size_t limit) {
  std::string text(limit, '\0');
  const size_t got = ReadUpTo(memory, address, reinterpret_cast<std::byte*>(text.data()), limit);
  const size_t end = text.find('\0');
  if (end >= got) return std::nullopt;
  text.resize(end);
  return text;
}

}  // namespace pyprof
