#include <utility>
#include <vector>

#include "fuzz/input.h"
#include "fuzz/scene.h"
#include "runtime/debug_offsets.h"
#include "stack/stack_reader.h"
#include "test/fake/offset_table.h"
#include "test/fake/python.h"

namespace {

using pyprof::fuzz::Change;
using pyprof::fuzz::Input;
using pyprof::fuzz::Require;
using pyprof::fuzz::Scene;
using pyprof::test::FakeMemory;
using pyprof::test::FakePython;

class Session {
 public:
  Session(Scene* scene, const pyprof::Layout& layout, pyprof::Motion motion,
          pyprof::ReaderOptions options)
      : scene_(scene),
        motion_(motion),
        reader_(&scene->python().memory(), {FakePython::kRuntime, layout},
                FakePython::kFirstNativeId, &tables_, options) {}

  /// Takes a sample, during which the target changes as `changes` say: each before the copying of
  /// one range.
  void Sample(std::vector<std::pair<uint64_t, Change>> changes) {
    FakeMemory& memory = scene_->python().memory();
    uint64_t range = 0;
    memory.OnRange([&](uint64_t) {
      for (const auto& [when, change] : changes) {
        if (when == range) change.Apply(scene_);
      }
      ++range;
    });
    memory.ResetCounts();
    const auto status = reader_.Sample(motion_);
    memory.OnRange({});
    Require(memory.counts().reads < 300'000, "a sample ends soon");
    Require(memory.counts().largest < uint64_t{1} << 30, "no read asks for all there is");
    if (status == pyprof::SampleStatus::kOk) Check();
  }

 private:
  /// Whether what came of it is a profile.
  void Check() {
    tables_.TakeNew(&rows_);
    const auto in = [](int32_t index, size_t size) {
      return index >= 0 && static_cast<size_t>(index) < size;
    };
    Require(reader_.samples().size() < 1000, "there are not more threads than in memory");
    for (const pyprof::ThreadSample& sample : reader_.samples()) {
      Require(sample.quality != pyprof::Quality::kMissed || sample.stack == pyprof::kNoStack,
              "a missed sample has no stack");
      Require(sample.quality == pyprof::Quality::kExact || sample.reason != pyprof::Reason::kNone,
              "what is not exact has a reason");
      Require(sample.serial != UINT32_MAX, "a sample is a thread's");
      Require((sample.state & ~reader_.known_states()) == 0, "only what is known is told");
      size_t depth = 0;
      for (int32_t stack = sample.stack; stack != pyprof::kNoStack; ++depth) {
        Require(in(stack, rows_.stacks.size()), "a stack is in the table");
        const pyprof::StackRow& row = rows_.stacks[static_cast<size_t>(stack)];
        Require(in(row.frame, rows_.frames.size()), "a frame is in the table");
        Require(row.parent < stack, "a parent stands before its child");
        const pyprof::FrameRow& frame = rows_.frames[static_cast<size_t>(row.frame)];
        Require(in(frame.function, rows_.functions.size()), "a function is in the table");
        stack = row.parent;
      }
      Require(depth < 100'000, "a stack is not deeper than memory");
    }
  }

  Scene* scene_;
  pyprof::Motion motion_;
  pyprof::Tables tables_;
  pyprof::NewRows rows_;
  pyprof::StackReader reader_;
};

}  // namespace

/// The input is a script: which Python, how it is read, which of its offsets are odd; then changes
/// of its memory, before or while it is sampled.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int kMaxSamples = 12;
  Input input(data, size);
  const auto head = input.Take<uint8_t>();
  const int minor = 13 + head % 3;
  Scene& scene = Scene::Of(minor);

  pyprof::Layout layout = scene.python().layout();
  if (head / 3 % 4 == 3) {
    pyprof::test::OffsetTable table(minor);
    for (int i = head / 12 % 4; i >= 0; --i) {
      const auto word = input.Take<uint8_t>();
      if (word >= 3) table.words()[word % table.words().size()].value = input.Take<uint16_t>();
    }
    const auto parsed = pyprof::ParseDebugOffsets(table.Bytes());
    if (parsed.status != pyprof::OffsetsStatus::kOk) return 0;
    layout = parsed.layout;
  }
  Session session(&scene, layout,
                  head / 48 % 2 == 0 ? pyprof::Motion::kPossible : pyprof::Motion::kStill,
                  {.states = head / 96 % 2 == 1, .native_markers = head / 192 % 2 == 1});

  std::vector<std::pair<uint64_t, Change>> during;
  for (int samples = 0; !input.empty() && samples < kMaxSamples;) {
    const auto step = input.Take<uint8_t>();
    if (step < 48) {
      session.Sample(std::exchange(during, {}));
      ++samples;
    } else if (step < 56) {
      scene.MapAll();
      scene.python().AdvanceGeneration();
    } else if (step < 144) {
      Change::Take(&input).Apply(&scene);
    } else {
      const auto when = input.Take<uint8_t>();
      during.emplace_back(when, Change::Take(&input));
    }
  }
  session.Sample(std::move(during));
  session.Sample({});
  scene.Restore();
  return 0;
}
