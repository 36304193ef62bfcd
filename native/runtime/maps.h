#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pyprof {

/// One line of /proc/PID/maps.
struct Mapping {
  uint64_t start;
  uint64_t end;
  uint64_t offset;
  uint64_t inode;  // 0: not a file
  std::string device;
  std::string path;  // as the target sees it; may end in " (deleted)"
  bool readable;
  bool writable;
};

/// Lines that are not mappings are passed over.
std::vector<Mapping> ParseMaps(std::string_view text);

/// Whole content of a small (/proc) file; returns false and leaves errno when it cannot be read.
bool ReadSmallFile(const std::string& path, std::string* out);

}  // namespace pyprof
