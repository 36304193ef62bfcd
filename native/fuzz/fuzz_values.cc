#include <array>
#include <memory>
#include <vector>

#include "fuzz/input.h"
#include "fuzz/scene.h"
#include "test/fake/heap.h"
#include "values/frame_variables.h"
#include "values/value_reader.h"

namespace {

using pyprof::Value;
using pyprof::fuzz::Require;

/// A fake Python with a frame whose variables are of every kind.
struct ValueScene {
  explicit ValueScene(int minor)
      : scene(minor, [this](pyprof::test::FakePython* python) { Fill(python); }) {}

  void Fill(pyprof::test::FakePython* python) {
    pyprof::test::FakeHeap heap(python);
    const uint64_t one = heap.Int(1);
    const uint64_t text = python->Str(U"text \u4e2d");
    const uint64_t list = heap.List({one, text, heap.Tuple({one, heap.Float(0.5)})});
    const uint64_t code = python->Function("values", {.locals = 8});
    auto& thread = python->AddThread("values").Enter().Call("values");
    frame = thread.leaf();
    heap.SetVariables(frame, code, 2,
                      {{"number", 0x26, heap.Int(std::vector<uint32_t>(4, 7), true)},
                       {"list", 0x20, list},
                       {"dict", 0x20, heap.Dict({{text, list}, {one, python->none()}})},
                       {"split", 0x20, heap.SplitDict({{text, one}})},
                       {"set", 0x20, heap.Set({one, text})},
                       {"object", 0x40, heap.Cell(heap.Instance("Thing", {{text, list}}))},
                       {"array", 0x80, heap.Cell(heap.Array({2, 3}))},
                       {"bytes", 0x20, heap.Bytearray("abc")}});
  }

  uint64_t frame = 0;
  pyprof::fuzz::Scene scene;
};

ValueScene& SceneOf(int minor) {
  static std::array<std::unique_ptr<ValueScene>, 3> scenes;
  auto& scene = scenes[static_cast<size_t>(minor - 13)];
  if (scene == nullptr) scene = std::make_unique<ValueScene>(minor);
  return *scene;
}

constexpr pyprof::ValueLimits kLimits{.depth = 4, .items = 50, .text = 100, .bytes = 200'000};

size_t Count(const Value& value, size_t depth) {
  Require(depth <= kLimits.depth + 1, "no value is deeper than the limit");
  Require(value.items.size() <= kLimits.items + 1, "no container shows more than the limit");
  Require(value.keys.empty() || value.keys.size() == value.items.size(), "keys have values");
  Require(value.names.empty() || value.names.size() == value.items.size(), "names have values");
  Require(value.text.size() < 1000, "no text is longer than the limit");
  size_t count = 1;
  for (const Value& item : value.items) count += Count(item, depth + 1);
  for (const Value& key : value.keys) count += Count(key, depth + 1);
  return count;
}

}  // namespace

/// The input is a script: which Python, then changes of its memory, between which the variables of
/// a frame are read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int kMaxReads = 8;
  pyprof::fuzz::Input input(data, size);
  ValueScene& values = SceneOf(13 + input.Take<uint8_t>() % 3);
  pyprof::test::FakePython& python = values.scene.python();
  pyprof::ValueReader reader(&python.memory(), python.layout(), kLimits);
  const auto read = [&] {
    python.memory().ResetCounts();
    reader.Begin();
    const auto found =
        pyprof::ReadVariables(&python.memory(), python.layout(), &reader, values.frame);
    Require(python.memory().counts().reads < 300'000, "a reading ends soon");
    Require(python.memory().counts().largest < uint64_t{1} << 26, "no read asks for all there is");
    size_t count = 0;
    for (const pyprof::Variable& variable : found.variables) count += Count(variable.value, 0);
    Require(count < 20'000, "there are not more values than the limit lets");
  };
  for (int reads = 0; !input.empty() && reads < kMaxReads;) {
    if (input.Take<uint8_t>() < 64) {
      read();
      ++reads;
    } else {
      pyprof::fuzz::Change::Take(&input).Apply(&values.scene);
    }
  }
  read();
  values.scene.Restore();
  return 0;
}
