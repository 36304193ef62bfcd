#include "code/location_table.h"
#include "fuzz/input.h"

/// The input is the first line, then a `co_linetable`.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pyprof::fuzz::Input input(data, size);
  const auto first_line = input.Take<int32_t>();
  const std::string_view bytes = input.rest();
  const pyprof::LocationTable table(pyprof::fuzz::AsBytes(bytes), first_line);
  pyprof::fuzz::Require(table.units() <= bytes.size() * 8, "a byte covers at most 8 units");
  pyprof::fuzz::Require(table.entries() <= table.units(), "an entry has a unit");
  for (size_t unit = 0; unit < table.units(); ++unit) {
    pyprof::fuzz::Require(table.EntryOf(unit) < table.entries(), "a unit has an entry");
    table.Entry(table.EntryOf(unit));
  }
  return 0;
}
