#include "runtime/debug_offsets.h"

#include <gtest/gtest.h>

#include <set>

#include "test/fake/offset_table.h"

namespace pyprof::test {
namespace {

OffsetsResult Parse(const OffsetTable& table) { return ParseDebugOffsets(table.Bytes()); }

class DebugOffsetsTest : public testing::TestWithParam<int> {
 protected:
  OffsetTable table{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Python, DebugOffsetsTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST(DebugOffsets, Parses313) {
  const auto [status, l, detail] = Parse(OffsetTable(13));
  ASSERT_EQ(status, OffsetsStatus::kOk) << detail;
  EXPECT_EQ(l.Version(), "3.13.18");
  EXPECT_EQ(l.Minor(), 13);
  EXPECT_FALSE(l.free_threaded);
  EXPECT_EQ(l.runtime.interpreters_head, 632u);
  EXPECT_EQ(l.interpreter.size, 194984u);
  EXPECT_EQ(l.interpreter.id, 7272u);
  EXPECT_EQ(l.interpreter.next, 7264u);
  EXPECT_EQ(l.interpreter.threads_head, 7344u);
  EXPECT_EQ(l.interpreter.threads_main, 0u) << "not published";
  EXPECT_EQ(l.interpreter.gil_locked, 7768u);
  EXPECT_EQ(l.interpreter.gil_holder, 7760u);
  EXPECT_EQ(l.interpreter.code_object_generation, 0u) << "not published";
  EXPECT_EQ(l.thread.size, 312u);
  EXPECT_EQ(l.thread.next, 8u);
  EXPECT_EQ(l.thread.current_frame, 72u);
  EXPECT_EQ(l.thread.base_frame, 0u) << "not published";
  EXPECT_EQ(l.thread.thread_id, 152u);
  EXPECT_EQ(l.thread.native_thread_id, 160u);
  EXPECT_EQ(l.thread.datastack_chunk, 232u);
  EXPECT_EQ(l.frame.size, 80u);
  EXPECT_EQ(l.frame.executable, 0u);
  EXPECT_EQ(l.frame.previous, 8u);
  EXPECT_EQ(l.frame.instr_ptr, 56u);
  EXPECT_EQ(l.frame.owner, 70u);
  EXPECT_EQ(l.frame.localsplus, 72u);
  EXPECT_EQ(l.code.filename, 112u);
  EXPECT_EQ(l.code.qualname, 128u);
  EXPECT_EQ(l.code.linetable, 136u);
  EXPECT_EQ(l.code.firstlineno, 68u);
  EXPECT_EQ(l.code.co_code_adaptive, 200u);
  EXPECT_EQ(l.unicode.state, 32u);
  EXPECT_EQ(l.unicode.length, 16u);
  EXPECT_EQ(l.unicode.asciiobject_size, 40u);
  EXPECT_EQ(l.unicode.compactunicodeobject_size, 56u) << "filled in";
  EXPECT_EQ(l.bytes.ob_size, 16u);
  EXPECT_EQ(l.bytes.ob_sval, 32u);
  EXPECT_EQ(l.gc.collecting, 200u);
}

TEST(DebugOffsets, Parses314) {
  const auto [status, l, detail] = Parse(OffsetTable(14));
  ASSERT_EQ(status, OffsetsStatus::kOk) << detail;
  EXPECT_EQ(l.Version(), "3.14.10");
  EXPECT_EQ(l.runtime.interpreters_head, 808u);
  EXPECT_EQ(l.interpreter.size, 225864u);
  EXPECT_EQ(l.interpreter.threads_main, 7360u);
  EXPECT_EQ(l.interpreter.gil_locked, 7800u);
  EXPECT_EQ(l.interpreter.gil_holder, 7792u);
  EXPECT_EQ(l.interpreter.code_object_generation, 7992u);
  EXPECT_EQ(l.thread.size, 832u);
  EXPECT_EQ(l.frame.size, 88u);
  EXPECT_EQ(l.frame.stackpointer, 64u);
  EXPECT_EQ(l.frame.owner, 74u);
  EXPECT_EQ(l.frame.localsplus, 80u);
  EXPECT_EQ(l.code.co_code_adaptive, 208u);
  EXPECT_EQ(l.generator.gi_iframe, 72u);
  EXPECT_EQ(l.generator.gi_frame_state, 67u);
  EXPECT_EQ(l.unicode.compactunicodeobject_size, 56u) << "filled in";
  EXPECT_EQ(l.debugger.eval_breaker, 24u);
  EXPECT_EQ(l.debugger.remote_debugger_support, 304u);
  EXPECT_EQ(l.debugger.remote_debugging_enabled, 8076u);
  EXPECT_EQ(l.debugger.script_path_size, 512u);
}

TEST(DebugOffsets, Parses315) {
  const auto [status, l, detail] = Parse(OffsetTable(15));
  ASSERT_EQ(status, OffsetsStatus::kOk) << detail;
  EXPECT_EQ(l.Version(), "3.15.2");
  EXPECT_EQ(l.runtime.interpreters_head, 936u);
  EXPECT_EQ(l.interpreter.size, 226240u);
  EXPECT_EQ(l.interpreter.threads_head, 7336u);
  EXPECT_EQ(l.interpreter.threads_main, 7352u);
  EXPECT_EQ(l.interpreter.code_object_generation, 7944u);
  EXPECT_EQ(l.thread.size, 888u);
  EXPECT_EQ(l.thread.base_frame, 80u);
  EXPECT_EQ(l.thread.last_profiled_frame, 88u);
  EXPECT_EQ(l.thread.last_profiled_frame_seq, 96u);
  EXPECT_EQ(l.thread.thread_id, 176u);
  EXPECT_EQ(l.thread.native_thread_id, 184u);
  EXPECT_EQ(l.thread.datastack_chunk, 256u);
  EXPECT_EQ(l.thread.holds_gil, 36u);
  EXPECT_EQ(l.thread.gil_requested, 40u);
  EXPECT_EQ(l.thread.current_exception, 136u);
  EXPECT_EQ(l.thread.exc_state, 288u);
  EXPECT_EQ(l.unicode.compactunicodeobject_size, 56u);
  EXPECT_EQ(l.gc.collecting, 112u);
  EXPECT_EQ(l.gc.frame, 120u);
  EXPECT_EQ(l.debugger.remote_debugger_support, 344u);
}

TEST(DebugOffsets, HaveTheSizesOfTheRealTables) {
  EXPECT_EQ(DebugOffsetsSize(13), 584u);
  EXPECT_EQ(DebugOffsetsSize(14), 760u);
  EXPECT_EQ(DebugOffsetsSize(15), 888u);
  EXPECT_EQ(DebugOffsetsSize(12), 0u);
  EXPECT_EQ(DebugOffsetsSize(16), 0u);
  for (const int minor : {13, 14, 15}) {
    EXPECT_EQ(OffsetTable(minor).Bytes().size(), DebugOffsetsSize(minor));
  }
}

TEST_P(DebugOffsetsTest, BytesAfterTheTableAreNotLookedAt) {
  std::vector<std::byte> bytes = table.Bytes();
  bytes.resize(4096, std::byte{0xff});
  EXPECT_EQ(ParseDebugOffsets(bytes).status, OffsetsStatus::kOk);
}

TEST_P(DebugOffsetsTest, EveryShorterTableIsRefused) {
  const std::vector<std::byte> bytes = table.Bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(ParseDebugOffsets(std::span(bytes).first(size)).status, OffsetsStatus::kOk) << size;
  }
}

TEST_P(DebugOffsetsTest, AnotherCookieIsNoTable) {
  table["cookie"] ^= 1;
  EXPECT_EQ(Parse(table).status, OffsetsStatus::kNoCookie);
}

TEST_P(DebugOffsetsTest, OtherVersionsAreRefusedByName) {
  const struct {
    uint64_t hex;
    const char* text;
  } others[] = {
      {0x030c01f0, "3.12.1"},   {0x031000f0, "3.16.0"},   {0x040d00f0, "4.13.0"},
      {0x020d00f0, "2.13.0"},   {0x030e00a7, "3.14.0a7"}, {0x030f00b4, "3.15.0b4"},
      {0x031000a0, "3.16.0a0"},
  };
  for (const auto& other : others) {
    table["version"] = other.hex;
    const OffsetsResult result = Parse(table);
    EXPECT_EQ(result.status, OffsetsStatus::kUnsupportedVersion) << other.text;
    EXPECT_EQ(result.detail, other.text);
  }
}

TEST_P(DebugOffsetsTest, ReleaseCandidatesAreReadAsTheirRelease) {
  table["version"] = 0x030000c1 | static_cast<uint64_t>(GetParam()) << 16;
  const OffsetsResult result = Parse(table);
  EXPECT_EQ(result.status, OffsetsStatus::kOk) << result.detail;
  EXPECT_EQ(result.layout.Version(), "3." + std::to_string(GetParam()) + ".0rc1");
}

TEST_P(DebugOffsetsTest, TheTableOfAnotherMinorIsRefused) {
  for (const int other : {13, 14, 15}) {
    if (other == GetParam()) continue;
    OffsetTable mixed(other);
    mixed["version"] = table["version"];
    EXPECT_NE(Parse(mixed).status, OffsetsStatus::kOk) << other;
  }
}

TEST_P(DebugOffsetsTest, TellsAFreeThreadedBuild) {
  table["free_threaded"] = 1;
  EXPECT_TRUE(Parse(table).layout.free_threaded);
}

/// Words whose value the parser cannot judge: they say how much there is of something.
bool IsSize(std::string_view name) { return name.ends_with(".size") || name.ends_with("_size"); }

TEST_P(DebugOffsetsTest, EveryWordOfAllOnesIsRefusedByName) {
  for (size_t i = 3; i < table.words().size(); ++i) {
    OffsetTable damaged(GetParam());
    damaged.words()[i].value = ~uint64_t{0};
    const OffsetsResult result = Parse(damaged);
    EXPECT_EQ(result.status, OffsetsStatus::kBadField) << damaged.words()[i].name;
    EXPECT_NE(result.detail.find(damaged.words()[i].name), std::string::npos)
        << "'" << result.detail << "' does not name " << damaged.words()[i].name;
  }
}

TEST_P(DebugOffsetsTest, EveryWordBeyondAnyStructureIsRefused) {
  for (const uint64_t value :
       {uint64_t{5} << 20, uint64_t{1} << 31, uint64_t{1} << 32, uint64_t{1} << 63, ~uint64_t{7}}) {
    for (size_t i = 3; i < table.words().size(); ++i) {
      OffsetTable damaged(GetParam());
      damaged.words()[i].value = value;
      EXPECT_EQ(Parse(damaged).status, OffsetsStatus::kBadField)
          << damaged.words()[i].name << " = " << value;
    }
  }
}

TEST_P(DebugOffsetsTest, EveryMisalignedPointerIsRefused) {
  // Single bytes may stand anywhere.
  const std::set<std::string_view> bytes = {"interpreter_frame.owner", "bytes_object.ob_sval",
                                            "gen_object.gi_frame_state",
                                            "debugger_support.debugger_script_path"};
  for (size_t i = 3; i < table.words().size(); ++i) {
    OffsetTable damaged(GetParam());
    if (IsSize(damaged.words()[i].name) || bytes.contains(damaged.words()[i].name)) continue;
    damaged.words()[i].value += 1;
    EXPECT_EQ(Parse(damaged).status, OffsetsStatus::kBadField) << damaged.words()[i].name;
  }
}

TEST_P(DebugOffsetsTest, OffsetsAtTheEndOfTheirStructureAreRefused) {
  const struct {
    const char* offset;
    const char* size;
  } pairs[] = {
      {"runtime_state.interpreters_head", "runtime_state.size"},
      {"interpreter_state.next", "interpreter_state.size"},
      {"interpreter_state.threads_head", "interpreter_state.size"},
      {"thread_state.current_frame", "thread_state.size"},
      {"thread_state.native_thread_id", "thread_state.size"},
      {"interpreter_frame.previous", "interpreter_frame.size"},
      {"interpreter_frame.owner", "interpreter_frame.size"},
      {"code_object.linetable", "code_object.size"},
      {"pyobject.ob_type", "pyobject.size"},
      {"unicode_object.length", "unicode_object.size"},
      {"bytes_object.ob_size", "bytes_object.size"},
  };
  for (const auto& pair : pairs) {
    OffsetTable damaged(GetParam());
    damaged[pair.offset] = damaged[pair.size];
    EXPECT_EQ(Parse(damaged).status, OffsetsStatus::kBadField) << pair.offset;
  }
}

TEST_P(DebugOffsetsTest, NeededFieldsThatAreZeroAreRefused) {
  for (const char* name :
       {"runtime_state.interpreters_head", "interpreter_state.next",
        "interpreter_state.threads_head", "thread_state.next", "thread_state.interp",
        "thread_state.current_frame", "thread_state.native_thread_id",
        "thread_state.datastack_chunk", "interpreter_frame.previous", "interpreter_frame.instr_ptr",
        "interpreter_frame.owner", "code_object.filename", "code_object.qualname",
        "code_object.linetable", "code_object.firstlineno", "pyobject.ob_type",
        "type_object.tp_name", "unicode_object.length", "unicode_object.state"}) {
    OffsetTable damaged(GetParam());
    damaged[name] = 0;
    EXPECT_EQ(Parse(damaged).status, OffsetsStatus::kBadField) << name;
  }
}

TEST_P(DebugOffsetsTest, AFirstLineWithoutRoomForTheWordsBeforeItIsRefused) {
  for (const uint64_t offset : {4u, 8u, 12u, 16u}) {
    table["code_object.firstlineno"] = offset;
    EXPECT_EQ(Parse(table).status, OffsetsStatus::kBadField) << offset;
  }
}

TEST_P(DebugOffsetsTest, WhatIsZeroInABuildWithAGilMayBeZero) {
  EXPECT_EQ(table["interpreter_state.gil_runtime_state_enabled"], 0u);
  EXPECT_EQ(Parse(table).status, OffsetsStatus::kOk);
}

TEST(VersionText, NamesEveryReleaseLevel) {
  EXPECT_EQ(VersionText(0x030d12f0), "3.13.18");
  EXPECT_EQ(VersionText(0x030e00a1), "3.14.0a1");
  EXPECT_EQ(VersionText(0x030e00b2), "3.14.0b2");
  EXPECT_EQ(VersionText(0x030e00c3), "3.14.0rc3");
}

}  // namespace
}  // namespace pyprof::test
