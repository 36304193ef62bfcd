#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/input.h"
#include "runtime/core_file.h"
#include "runtime/find_runtime.h"

namespace {

class StringSource final : public pyprof::ByteSource {
 public:
  explicit StringSource(std::string_view bytes) : bytes_(bytes) {}
  bool ReadAt(uint64_t offset, void* out, size_t size) override {
    if (offset > bytes_.size() || size > bytes_.size() - offset) return false;
    if (size > 0) std::memcpy(out, bytes_.data() + offset, size);
    return true;
  }

 private:
  std::string_view bytes_;
};

}  // namespace

/// The input is a core file. The files that it names are not looked for.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using pyprof::fuzz::Require;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  pyprof::CoreFile::Status status{};
  const auto core =
      pyprof::CoreFile::Parse(std::make_unique<StringSource>(bytes), "/dev/null", &status);
  Require((core != nullptr) == (status == pyprof::CoreFile::Status::kOk), "a core or a reason");
  if (core == nullptr) return 0;
  Require(core->command().size() <= 80, "a command is as long as the kernel makes it");
  uint64_t before = 0;
  std::vector<std::byte> out(256);
  for (const pyprof::Mapping& mapping : core->mappings()) {
    Require(mapping.start >= before, "mappings ascend");
    before = mapping.start;
    if (!mapping.path.empty()) continue;
    const pyprof::Range range{mapping.start, out.size()};
    const int64_t got = core->ReadRanges({&range, 1}, out.data());
    Require(got < 0 || static_cast<size_t>(got) <= out.size(), "no more than was asked for");
  }
  const auto none = [](const pyprof::Mapping&) { return -1; };
  pyprof::RuntimeFinder(core.get(), none).FindAmong(core->mappings(), false);
  return 0;
}
