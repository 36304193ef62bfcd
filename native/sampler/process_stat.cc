#include "sampler/process_stat.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "runtime/maps.h"

namespace pyprof {

std::optional<ProcessStat> ReadProcessStat(pid_t pid) {
  std::string text;
  if (!ReadSmallFile("/proc/" + std::to_string(pid) + "/stat", &text)) return std::nullopt;
  // The name, field 2, may hold anything; the last parenthesis ends it. Then the state, field 3.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos || text.size() < name_end + 3) return std::nullopt;
  ProcessStat stat{text[name_end + 2], 0, 0, 0, 0};
  const char* at = text.c_str() + name_end + 2;
  for (int field = 4; field <= 22; ++field) {
    at = std::strchr(at + 1, ' ');
    if (at == nullptr) return std::nullopt;
    if (field == 4) stat.parent = static_cast<pid_t>(std::strtol(at, nullptr, 10));
    if (field == 14 || field == 15) stat.cpu += std::strtoull(at, nullptr, 10);
    if (field == 20) stat.threads = std::strtoull(at, nullptr, 10);
    if (field == 22) stat.start = std::strtoull(at, nullptr, 10);
  }
  return stat;
}

}  // namespace pyprof
