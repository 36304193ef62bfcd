#include "code/python_string.h"
#include "fuzz/input.h"
#include "runtime/debug_offsets.h"
#include "test/fake/memory.h"
#include "test/fake/offset_table.h"

namespace {

constexpr uint64_t kMemory = 0x10000;

pyprof::Layout RealLayout() {
  return pyprof::ParseDebugOffsets(pyprof::test::OffsetTable(14).Bytes()).layout;
}

}  // namespace

/// The input is: whether the offsets are odd ones (and which), then memory that holds a str and
/// ends behind the input.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const pyprof::Layout kLayout = RealLayout();
  pyprof::fuzz::Input input(data, size);
  pyprof::Layout layout = kLayout;
  if (input.Take<uint8_t>() % 4 == 3) {
    // As validation would let them pass.
    layout.unicode.size = 4096;
    layout.unicode.state = input.Take<uint16_t>() % 4092 / 4 * 4;
    layout.unicode.length = input.Take<uint16_t>() % 4088 / 8 * 8;
    layout.unicode.asciiobject_size = input.Take<uint16_t>() % 4097;
    layout.unicode.compactunicodeobject_size = input.Take<uint16_t>() % 4097;
  }
  const std::string_view bytes = input.rest();
  if (bytes.empty()) return 0;
  pyprof::test::FakeMemory memory;
  // The last byte is the last one of its page.
  const uint64_t pages = (bytes.size() + 4095) / 4096 * 4096;
  const uint64_t begin = kMemory + pages - bytes.size();
  memory.Map(kMemory, pages);
  memory.Write(begin, bytes);
  const auto text = pyprof::ReadPythonString(&memory, layout, begin);
  pyprof::fuzz::Require(!text || text->size() <= pyprof::kMaxStringLength * 10 + 3,
                        "a str is bounded");
  pyprof::ReadCString(&memory, begin, 64);
  pyprof::fuzz::Require(memory.counts().bytes <= 1 << 20, "little is read");
  return 0;
}
