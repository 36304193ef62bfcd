#include "test/fake/reader.h"

#include <algorithm>

namespace pyprof::test {
namespace {

const char* Name(Quality quality) {
  switch (quality) {
    case Quality::kExact:
      return "exact";
    case Quality::kRepaired:
      return "repaired";
    case Quality::kPartial:
      return "partial";
    case Quality::kMissed:
      return "missed";
  }
  return "?";
}

const char* Name(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "";
    case Reason::kUnreadable:
      return "unreadable";
    case Reason::kMoved:
      return "moved";
    case Reason::kYielded:
      return "yielded";
    case Reason::kTruncated:
      return "truncated";
    case Reason::kFreedCode:
      return "freed code";
    case Reason::kThreadGone:
      return "thread gone";
    case Reason::kProcessGone:
      return "process gone";
    case Reason::kUnproved:
      return "unproved";
    case Reason::kLate:
      return "late";
  }
  return "?";
}

const char* Name(SampleStatus status) {
  switch (status) {
    case SampleStatus::kOk:
      return "ok";
    case SampleStatus::kProcessGone:
      return "process gone";
    case SampleStatus::kPermission:
      return "permission";
    case SampleStatus::kNoInterpreter:
      return "no interpreter";
  }
  return "?";
}

}  // namespace

FakeReader::FakeReader(FakePython* python, Motion motion, ReaderOptions options)
    : python_(python),
      motion_(motion),
      reader_(&python->memory(), python->runtime(), FakePython::kFirstNativeId, &tables_, options) {
  reader_.SetHeadGap(0);
}

SampleStatus FakeReader::Sample() { return reader_.Sample(motion_); }

std::string FakeReader::Picture() { return Draw(false); }

std::string FakeReader::PictureWithLines() { return Draw(true); }

uint64_t FakeReader::ReadsOfSample() {
  python_->memory().ResetCounts();
  Sample();
  return python_->memory().counts().reads;
}

const NewRows& FakeReader::rows() {
  tables_.TakeNew(&rows_);
  return rows_;
}

std::vector<std::string> FakeReader::Frames(int32_t stack, bool lines) {
  const NewRows& all = rows();
  std::vector<std::string> frames;
  for (; stack != kNoStack; stack = all.stacks.at(static_cast<size_t>(stack)).parent) {
    const StackRow& row = all.stacks.at(static_cast<size_t>(stack));
    const FrameRow& frame = all.frames.at(static_cast<size_t>(row.frame));
    const FunctionRow& function = all.functions.at(static_cast<size_t>(frame.function));
    std::string text = all.strings.at(static_cast<size_t>(function.qualname));
    if (lines) text.append(":").append(std::to_string(frame.location.line));
    frames.push_back(std::move(text));
  }
  std::reverse(frames.begin(), frames.end());
  return frames;
}

std::string FakeReader::Draw(bool lines) {
  const SampleStatus status = Sample();
  if (status != SampleStatus::kOk) return Name(status);
  std::string picture;
  for (const ThreadSample& sample : samples()) {
    if (!picture.empty()) picture += "\n";
    picture += python_->ThreadName(sample.native_id);
    if (sample.is_main) picture += "*";
    if (sample.interpreter != 0) picture.append("@").append(std::to_string(sample.interpreter));
    if (sample.quality != Quality::kExact) {
      picture.append(" [").append(Name(sample.quality)).append(" ").append(Name(sample.reason));
      picture.append("]");
    } else if (sample.reason != Reason::kNone) {
      picture.append(" [exact, but ").append(Name(sample.reason)).append("]");
    }
    picture += ":";
    for (const std::string& frame : Frames(sample.stack, lines)) picture.append(" ").append(frame);
  }
  return picture;
}

}  // namespace pyprof::test
