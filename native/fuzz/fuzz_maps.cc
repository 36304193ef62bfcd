#include <algorithm>

#include "fuzz/input.h"
#include "runtime/maps.h"

/// The input is the text of /proc/PID/maps.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto maps = pyprof::ParseMaps(text);
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  pyprof::fuzz::Require(maps.size() <= static_cast<size_t>(lines), "a mapping is a line");
  for (const pyprof::Mapping& mapping : maps) {
    pyprof::fuzz::Require(mapping.start < mapping.end, "a mapping is not empty");
    pyprof::fuzz::Require(mapping.path.find('\n') == std::string::npos, "a path is on one line");
  }
  return 0;
}
