#include "sampler/process_stat.h"

#include <fcntl.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "runtime/maps.h"

namespace pyprof {

int OpenTaskFile(pid_t pid, uint64_t tid, const char* name) {
  const std::string path =
      "/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid) + "/" + name;
  return open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

std::string_view AfterName(std::string_view stat) {
  const size_t name_end = stat.rfind(") ");
  return name_end == std::string_view::npos ? std::string_view{} : stat.substr(name_end + 2);
}

std::optional<ProcessStat> ReadProcessStat(pid_t pid) {
  std::string text;
  if (!ReadSmallFile("/proc/" + std::to_string(pid) + "/stat", &text)) return std::nullopt;
  const std::string_view fields = AfterName(text);
  if (fields.empty()) return std::nullopt;
  ProcessStat stat{fields.front(), 0, 0, 0, 0};
  const char* at = fields.data();
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
