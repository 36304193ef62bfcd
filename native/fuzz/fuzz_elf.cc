#include <cstring>

#include "fuzz/input.h"
#include "runtime/elf.h"

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

/// The input is a file that the target has mapped.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  StringSource source({reinterpret_cast<const char*>(data), size});
  const auto elf = pyprof::Elf::Open(&source);
  if (!elf) return 0;
  const auto section = elf->FindSection(".PyRuntime");
  pyprof::fuzz::Require(!section || elf->HasSections(), "a section is one of the sections");
  elf->FindSymbol("Py_Version");
  for (const uint64_t offset : {uint64_t{0}, uint64_t{4096}, ~uint64_t{4095}}) {
    elf->LoadBiases(0x7f0000000000, offset);
  }
  return 0;
}
