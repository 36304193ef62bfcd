#include "runtime/find_runtime.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <tuple>

#include "memory/process_memory.h"
#include "sampler/target.h"
#include "stack/stack_reader.h"
#include "test/fake/elf_file.h"
#include "test/fake/process.h"
#include "test/fake/python.h"

namespace pyprof::test {
namespace {

/// Real processes that hold a fake Python, mapped from a file as a real one's runtime is.
class FindRuntimeTest : public testing::TestWithParam<int> {
 protected:
  static constexpr uint64_t kPage = 4096;
  static constexpr uint64_t kDataPage = FakePython::kRuntime / kPage * kPage;
  /// Where the data segment stands in the file, and at link time.
  static constexpr uint64_t kDataOffset = 0x3000;
  static constexpr uint64_t kDataAddress = 0x104000;

  FindRuntimeTest() { python.AddThread("main").Enter().Call("<module>").Call("serve"); }

  uint64_t RuntimeSize() const { return python.layout().runtime.size; }
  /// Size of the data segment from its page on.
  uint64_t DataSize() const {
    return (FakePython::kRuntime - kDataPage + RuntimeSize() + kPage - 1) / kPage * kPage;
  }
  FakeElf Library() const {
    const uint64_t within = FakePython::kRuntime - kDataPage;
    FakeElf elf;
    elf.size = kDataOffset + DataSize();
    elf.segments = {{0, 0x100000, 0x1000}, {kDataOffset + 0x100, kDataAddress + 0x100, DataSize()}};
    elf.sections = {{".PyRuntime", kDataAddress + within, kDataOffset + within, RuntimeSize()}};
    return elf;
  }
  FakeProcess::MappedFile DataOf(const std::string& path, uint64_t address = kDataPage) const {
    return {path, kDataOffset, address, DataSize()};
  }
  FakeProcess::MappedFile HeadOf(const std::string& path) const {
    return {path, 0, kDataPage - kDataAddress + 0x100000, kPage};
  }
  AttachResult Find(const FakeProcess& process) {
    EXPECT_TRUE(process.ready());
    ProcessMemory memory(process.pid());
    return RuntimeFinder(process.pid(), &memory).Find();
  }
  /// Writes words of the table, as the process publishes it.
  void Publish(OffsetTable& table) {
    const std::vector<std::byte> bytes = table.Bytes();
    python.memory().Write(FakePython::kRuntime, bytes.data(), bytes.size());
  }

  FakePython python{GetParam()};
  TemporaryFolder folder;
};

INSTANTIATE_TEST_SUITE_P(Python, FindRuntimeTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(FindRuntimeTest, FindsItInAFileOfAnyName) {
  const std::string path = folder.Write("no snake in this name", Library().Bytes());
  const FakeProcess process(python.memory(), {HeadOf(path), DataOf(path)});
  const AttachResult found = Find(process);
  ASSERT_EQ(found.status, AttachStatus::kOk) << found.detail;
  EXPECT_EQ(found.runtime.address, FakePython::kRuntime);
  EXPECT_EQ(found.runtime.layout.Minor(), GetParam());
}

TEST_P(FindRuntimeTest, TheStacksOfAnotherProcessCanBeReadWithWhatItFound) {
  const std::string path = folder.Write("python", Library().Bytes());
  const FakeProcess process(python.memory(), {HeadOf(path), DataOf(path)});
  ProcessMemory memory(process.pid());
  const AttachResult found = RuntimeFinder(process.pid(), &memory).Find();
  Tables tables;
  StackReader reader(&memory, found.runtime, FakePython::kFirstNativeId, &tables);
  ASSERT_EQ(reader.Sample(Motion::kStill), SampleStatus::kOk);
  ASSERT_EQ(reader.samples().size(), 1u);
  EXPECT_EQ(reader.samples()[0].quality, Quality::kExact);
  NewRows rows;
  tables.TakeNew(&rows);
  EXPECT_EQ(rows.stacks.size(), 2u);
}

TEST_P(FindRuntimeTest, FindsItInAFileThatWasDeleted) {
  const std::string path = folder.Write("python", Library().Bytes());
  const FakeProcess process(python.memory(), {HeadOf(path), DataOf(path)});
  std::filesystem::remove(path);
  EXPECT_EQ(Find(process).status, AttachStatus::kOk);
}

TEST_P(FindRuntimeTest, FindsItInAFileThatWasReplaced) {
  const std::string path = folder.Write("python", Library().Bytes());
  const FakeProcess process(python.memory(), {HeadOf(path), DataOf(path)});
  std::filesystem::remove(path);
  folder.Write("python", "quite another file");
  EXPECT_EQ(Find(process).status, AttachStatus::kOk);
}

TEST_P(FindRuntimeTest, FindsItWhereTheFileHasNoSectionHeaders) {
  FakeElf stripped = Library();
  stripped.has_section_headers = false;
  const std::string path = folder.Write("python", stripped.Bytes());
  const FakeProcess process(python.memory(), {HeadOf(path), DataOf(path)});
  const AttachResult found = Find(process);
  EXPECT_EQ(found.status, AttachStatus::kOk);
  EXPECT_EQ(found.runtime.address, FakePython::kRuntime);
}

TEST_P(FindRuntimeTest, TakesTheLiveOneOfTwoCopies) {
  const std::string path = folder.Write("python", Library().Bytes());
  const std::string other = folder.Write("copy", Library().Bytes());
  // The copy comes first in the maps and was never initialised.
  const FakeProcess process(python.memory(),
                            {DataOf(other, kDataPage - 0x800000), HeadOf(path), DataOf(path)});
  const AttachResult found = Find(process);
  ASSERT_EQ(found.status, AttachStatus::kOk);
  EXPECT_EQ(found.runtime.address, FakePython::kRuntime);
}

TEST_P(FindRuntimeTest, TakesTheLiveOneOfTwoMappingsOfOneFile) {
  const std::string path = folder.Write("python", Library().Bytes());
  const FakeProcess process(python.memory(),
                            {DataOf(path, kDataPage - 0x800000), HeadOf(path), DataOf(path)});
  EXPECT_EQ(Find(process).status, AttachStatus::kOk);
}

TEST_P(FindRuntimeTest, ARuntimeWithoutInterpreterHasNotStarted) {
  python.memory().Put(FakePython::kRuntime + python.layout().runtime.interpreters_head,
                      uint64_t{0});
  const std::string path = folder.Write("python", Library().Bytes());
  const FakeProcess process(python.memory(), {HeadOf(path), DataOf(path)});
  EXPECT_EQ(Find(process).status, AttachStatus::kNotStarted);
}

TEST_P(FindRuntimeTest, AnotherVersionIsNamed) {
  OffsetTable table(GetParam());
  table["version"] = 0x031000f0;
  Publish(table);
  const std::string path = folder.Write("python", Library().Bytes());
  const FakeProcess process(python.memory(), {HeadOf(path), DataOf(path)});
  const AttachResult found = Find(process);
  EXPECT_EQ(found.status, AttachStatus::kUnsupportedVersion);
  EXPECT_EQ(found.detail, "3.16.0");
}

TEST_P(FindRuntimeTest, ADamagedTableIsNamedByItsField) {
  OffsetTable table(GetParam());
  table["thread_state.current_frame"] = 5;
  Publish(table);
  const std::string path = folder.Write("python", Library().Bytes());
  const FakeProcess process(python.memory(), {HeadOf(path), DataOf(path)});
  const AttachResult found = Find(process);
  EXPECT_EQ(found.status, AttachStatus::kBadLayout);
  EXPECT_NE(found.detail.find("thread_state.current_frame"), std::string::npos) << found.detail;
}

TEST_P(FindRuntimeTest, ADamagedTableIsNotTakenForAnOldPythonWhereSegmentsShareAPage) {
  // The end of the read-only segment and the beginning of the data stand in one page of the file.
  FakeElf library = Library();
  library.segments[0] = {kDataOffset, 0x100000, 0x90};
  OffsetTable table(GetParam());
  table["thread_state.current_frame"] = 5;
  Publish(table);
  const std::string path = folder.Write("python", library.Bytes());
  const FakeProcess process(python.memory(), {DataOf(path)});
  EXPECT_EQ(Find(process).status, AttachStatus::kBadLayout);
}

TEST_P(FindRuntimeTest, AProgramWithoutARuntimeIsNotPython) {
  const std::string path = folder.Write("program", FakeElf{}.Bytes());
  FakeMemory nothing;
  const FakeProcess process(nothing, {{path, 0, kDataPage, kPage}});
  EXPECT_EQ(Find(process).status, AttachStatus::kNotPython);
}

TEST_P(FindRuntimeTest, AnElfWithoutSegmentsIsNotPython) {
  FakeElf object;
  object.segments = {};
  const std::string path = folder.Write("object.o", object.Bytes());
  FakeMemory nothing;
  const FakeProcess process(nothing, {{path, 0, kDataPage, kPage}});
  ProcessMemory memory(process.pid());
  RuntimeFinder finder(process.pid(), &memory);
  EXPECT_EQ(finder.Find().status, AttachStatus::kNotPython);
  EXPECT_EQ(finder.Find().status, AttachStatus::kNotPython) << "nor when asked again";
}

TEST_P(FindRuntimeTest, APieceOfAFileThatIsMappedDoesNotHideThePython) {
  const std::string path = folder.Write("python", Library().Bytes());
  // As a program does that reads the file itself.
  const FakeProcess process(
      python.memory(), {{path, 0x5000, kDataPage - 0x800000, kPage}, HeadOf(path), DataOf(path)});
  EXPECT_EQ(Find(process).status, AttachStatus::kOk);
}

TEST_P(FindRuntimeTest, APythonBeforeDebugOffsetsIsNamedByItsVersion) {
  FakeElf old;
  old.symbols = {{"Py_Version", 0x800}, {"Py_BytesMain", 0x10}};
  std::string bytes = old.Bytes();
  const uint32_t version = 0x030c05f0;
  bytes.replace(0x800, 4, reinterpret_cast<const char*>(&version), 4);
  const std::string path = folder.Write("python3.12", bytes);
  FakeMemory nothing;
  const FakeProcess process(nothing, {{path, 0, kDataPage, kPage}});
  const AttachResult found = Find(process);
  EXPECT_EQ(found.status, AttachStatus::kUnsupportedVersion);
  EXPECT_EQ(found.detail, "3.12.5");
}

TEST_P(FindRuntimeTest, PyPyIsNamed) {
  FakeElf pypy;
  pypy.symbols = {{"pypy_main_startup", 0x10}};
  const std::string path = folder.Write("pypy", pypy.Bytes());
  FakeMemory nothing;
  const FakeProcess process(nothing, {{path, 0, kDataPage, kPage}});
  const AttachResult found = Find(process);
  EXPECT_EQ(found.status, AttachStatus::kUnsupportedVersion);
  EXPECT_EQ(found.detail, "PyPy");
}

TEST_P(FindRuntimeTest, AProcessIsFoundToBePythonWhileItStarts) {
  const std::string path = folder.Write("python", Library().Bytes());
  const uint64_t head = python.layout().runtime.interpreters_head;
  FakePython starting(GetParam());
  starting.memory().Put(FakePython::kRuntime + head, uint64_t{0});
  const FakeProcess early(starting.memory(), {HeadOf(path), DataOf(path)});
  ProcessMemory memory(early.pid());
  RuntimeFinder finder(early.pid(), &memory);
  EXPECT_EQ(finder.Find().status, AttachStatus::kNotStarted);
  EXPECT_EQ(finder.Find().status, AttachStatus::kNotStarted) << "asked again and again";
}

TEST_P(FindRuntimeTest, FindersThatShareWhatTheyKnowLookAtAFileOnce) {
  const std::string python_path = folder.Write("python", Library().Bytes());
  const std::string path = folder.Write("program", FakeElf{}.Bytes());
  FakeMemory nothing;
  const FakeProcess first(nothing, {{path, 0, kDataPage, kPage}});
  const FakeProcess second(nothing, {{path, 0, kDataPage, kPage}});
  const FakeProcess third(python.memory(), {HeadOf(python_path), DataOf(python_path)});
  const auto known = std::make_shared<KnownFiles>();
  const auto find = [&known](const FakeProcess& process) {
    ProcessMemory memory(process.pid());
    return RuntimeFinder(process.pid(), &memory, known).Find(false).status;
  };
  EXPECT_EQ(find(first), AttachStatus::kNotPython);
  const auto has_path = [&path](const auto& file) { return std::get<2>(file.first) == path; };
  const auto entry = std::find_if(known->begin(), known->end(), has_path);
  ASSERT_NE(entry, known->end());
  // What is known is not looked up again: it can be told by another answer.
  entry->second.named = {AttachStatus::kUnsupportedVersion, {}, "PyPy"};
  EXPECT_EQ(find(second), AttachStatus::kUnsupportedVersion);
  EXPECT_EQ(find(third), AttachStatus::kOk);
}

TEST_P(FindRuntimeTest, AFileThatIsBuiltAnewIsLookedAtAnew) {
  const std::string path = folder.Write("program", FakeElf{}.Bytes());
  const auto known = std::make_shared<KnownFiles>();
  const auto find = [&known](const FakeProcess& process) {
    EXPECT_TRUE(process.ready());
    ProcessMemory memory(process.pid());
    return RuntimeFinder(process.pid(), &memory, known).Find(false).status;
  };
  {
    FakeMemory nothing;
    const FakeProcess process(nothing, {{path, 0, kDataPage, kPage}});
    EXPECT_EQ(find(process), AttachStatus::kNotPython);
  }
  // The same path, and the same inode.
  folder.Write("program", Library().Bytes());
  const FakeProcess process(python.memory(), {HeadOf(path), DataOf(path)});
  EXPECT_EQ(find(process), AttachStatus::kOk);
}

TEST_P(FindRuntimeTest, TargetsOfARecordingShareWhatTheyKnowOfFiles) {
  const std::string path = folder.Write("program", FakeElf{}.Bytes());
  FakeMemory nothing;
  const FakeProcess first(nothing, {{path, 0, kDataPage, kPage}});
  const FakeProcess second(nothing, {{path, 0, kDataPage, kPage}});
  Tables tables;
  const TargetShared shared{
      &tables, {}, {}, std::make_shared<TaskFiles>(), std::make_shared<KnownFiles>()};
  EXPECT_EQ(Target(first.pid(), nullptr, shared).Search(1).status, AttachStatus::kNotPython);
  for (auto& [id, file] : *shared.known_files) {
    if (std::get<2>(id) == path) file.named = {AttachStatus::kUnsupportedVersion, {}, "PyPy"};
  }
  EXPECT_EQ(Target(second.pid(), nullptr, shared).Search(1).detail, "PyPy");
}

TEST_P(FindRuntimeTest, MemoryIsNotSearchedUnlessAskedFor) {
  FakeElf stripped = Library();
  stripped.has_section_headers = false;
  const std::string path = folder.Write("python", stripped.Bytes());
  const FakeProcess process(python.memory(), {HeadOf(path), DataOf(path)});
  ASSERT_TRUE(process.ready());
  ProcessMemory memory(process.pid());
  RuntimeFinder finder(process.pid(), &memory);
  const AttachResult quick = finder.Find(false);
  EXPECT_EQ(quick.status, AttachStatus::kNotPython);
  EXPECT_EQ(quick.detail, kNotSearched);
  EXPECT_EQ(finder.Find().status, AttachStatus::kOk);
  EXPECT_EQ(finder.Find().status, AttachStatus::kOk) << "asked again";
}

TEST_P(FindRuntimeTest, AMappedDeviceIsNotOpened) {
  // Nothing is left to search for: a device holds no program.
  FakeMemory nothing;
  const std::string path = folder.Write("program", FakeElf{}.Bytes());
  const FakeProcess process(
      nothing, {{path, 0, kDataPage, kPage}, {"/dev/zero", 0, kDataPage + kPage, kPage}});
  ASSERT_TRUE(process.ready());
  ProcessMemory memory(process.pid());
  const AttachResult found = RuntimeFinder(process.pid(), &memory).Find(false);
  EXPECT_EQ(found.status, AttachStatus::kNotPython);
  EXPECT_EQ(found.detail, "");
}

TEST_P(FindRuntimeTest, TellsWhetherADebuggerMayRunScripts) {
  const uint64_t word = python.layout().debugger.remote_debugging_enabled;
  const auto told = [&] {
    return RemoteDebugging({FakePython::kRuntime, python.layout()}, &python.memory());
  };
  if (GetParam() == 13) {
    EXPECT_EQ(told(), std::nullopt);
    return;
  }
  for (const int32_t value : {1, 0, -1, 7}) {
    python.memory().Put(python.main_interpreter() + word, value);
    EXPECT_EQ(told(), value == 1) << value;
  }
  python.memory().Put(FakePython::kRuntime + python.layout().runtime.interpreters_head,
                      uint64_t{0x10});
  EXPECT_EQ(told(), std::nullopt) << "nothing to read";
}

TEST(FindRuntime, NoProcessIsSaidSo) {
  FakeProcess process([] { return 0; });
  const pid_t pid = process.pid();
  process.Reap();
  ProcessMemory memory(pid);
  EXPECT_EQ(RuntimeFinder(pid, &memory).Find().status, AttachStatus::kNoSuchProcess);
}

TEST(FindRuntime, AZombieIsNoPython) {
  FakeProcess process([] {
    while (true) pause();
    return 0;
  });
  process.Kill();
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(process.pid()), &info, WEXITED | WNOWAIT), 0);
  ProcessMemory memory(process.pid());
  const AttachStatus status = RuntimeFinder(process.pid(), &memory).Find().status;
  EXPECT_TRUE(status == AttachStatus::kNotPython || status == AttachStatus::kNoSuchProcess);
}

}  // namespace
}  // namespace pyprof::test
