#include "runtime/maps.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace pyprof {
namespace {

/// A process with a million mappings has about 100 MB of them; more is not read.
constexpr size_t kMaxProcFile = 256u << 20;

bool TakeNumber(std::string_view* text, int base, uint64_t* value) {
  const auto [end, error] =
      std::from_chars(text->data(), text->data() + text->size(), *value, base);
  if (error != std::errc{}) return false;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return true;
}

bool Take(std::string_view* text, char wanted) {
  if (text->empty() || text->front() != wanted) return false;
  text->remove_prefix(1);
  return true;
}

bool ParseLine(std::string_view line, Mapping* out) {
  if (!TakeNumber(&line, 16, &out->start) || !Take(&line, '-')) return false;
  if (!TakeNumber(&line, 16, &out->end) || !Take(&line, ' ')) return false;
  if (out->end <= out->start || line.size() < 5) return false;
  out->readable = line[0] == 'r';
  out->writable = line[1] == 'w';
  line.remove_prefix(4);
  if (!Take(&line, ' ') || !TakeNumber(&line, 16, &out->offset) || !Take(&line, ' ')) return false;
  const size_t device_end = line.find(' ');
  if (device_end == std::string_view::npos) return false;
  out->device = std::string(line.substr(0, device_end));
  line.remove_prefix(device_end + 1);
  if (!TakeNumber(&line, 10, &out->inode)) return false;
  const size_t path_start = line.find_first_not_of(' ');
  out->path = path_start == std::string_view::npos ? "" : std::string(line.substr(path_start));
  return true;
}

}  // namespace

std::vector<Mapping> ParseMaps(std::string_view text) {
  std::vector<Mapping> mappings;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    Mapping mapping{};
    if (ParseLine(text.substr(0, end), &mapping)) mappings.push_back(std::move(mapping));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return mappings;
}

bool ReadSmallFile(const std::string& path, std::string* out) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  out->clear();
  char buffer[65536];
  ssize_t got = 0;
  while (out->size() < kMaxProcFile && (got = read(fd, buffer, sizeof(buffer))) > 0) {
    out->append(buffer, static_cast<size_t>(got));
  }
  const int error = errno;
  close(fd);
  errno = error;
  return got >= 0;
}

}  // namespace pyprof
