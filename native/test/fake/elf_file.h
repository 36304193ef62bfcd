#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace pyprof::test {

/// Makes a 64-bit ELF file that has headers, sections and dynamic symbols, but no program.
struct FakeElf {
  struct Segment {
    uint64_t offset;
    uint64_t address;
    uint64_t size;
  };
  struct Section {
    std::string name;
    uint64_t address;
    uint64_t offset;
    uint64_t size;
  };

  /// Bytes before the tables at the end.
  uint64_t size = 4096;
  std::vector<Segment> segments = {{0, 0, 4096}};
  std::vector<Section> sections = {};
  /// Link-time addresses by name.
  std::vector<std::pair<std::string, uint64_t>> symbols = {};
  /// False: as after `strip --strip-section-headers`.
  bool has_section_headers = true;

  std::string Bytes() const;
};

}  // namespace pyprof::test
