#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stack/stack_reader.h"
#include "test/fake/python.h"

namespace pyprof::test {

/// Samples a fake Python and draws what came, so that a test compares one string.
///
/// Picture of a thread: `name: root caller leaf`, with `*` behind the name of the main thread,
/// `@id` for another interpreter than the main one, and in brackets the quality and the reason
/// when the sample is not exact: `main* [repaired moved]: root leaf`. One line a thread.
///
/// The target stands still while it is read, as it does when it is stopped; with kPossible it may
/// run on.
class FakeReader {
 public:
  explicit FakeReader(FakePython* python, Motion motion = Motion::kStill,
                      ReaderOptions options = {});

  SampleStatus Sample();
  /// Takes a sample and draws it, function names only.
  std::string Picture();
  /// Takes a sample and draws it with a line to each name: `root:101 leaf:207`.
  std::string PictureWithLines();
  /// Takes a sample; how many reads of the target that took.
  uint64_t ReadsOfSample();

  const std::vector<ThreadSample>& samples() const { return reader_.samples(); }
  StackReader& reader() { return reader_; }
  /// Names of a stack's frames, root first.
  std::vector<std::string> Names(int32_t stack) { return Frames(stack, false); }
  /// Tables as they are now.
  const NewRows& rows();

 private:
  std::string Draw(bool lines);
  std::vector<std::string> Frames(int32_t stack, bool lines);

  FakePython* python_;
  Motion motion_;
  Tables tables_;
  NewRows rows_;
  StackReader reader_;
};

}  // namespace pyprof::test
