#include "code/code_table.h"

#include <gtest/gtest.h>

#include <string>

#include "test/fake/location_encoder.h"
#include "test/fake/python.h"

namespace pyprof::test {
namespace {

class CodeTableTest : public testing::TestWithParam<int> {
 protected:
  FakePython python{GetParam()};
  Tables tables;
  CodeTable codes{&python.memory(), python.layout(), &tables};
  uint64_t generation = 1;

  void Begin() { codes.BeginSample(GetParam() == 13 ? 0 : generation, {}); }
  /// Begins a sample after code was freed.
  void BeginAfterFree() {
    ++generation;
    Begin();
  }
  void Prepare(uint64_t address) { codes.Prepare({&address, 1}); }
  uint64_t ReadsOfPrepare(uint64_t address) {
    python.memory().ResetCounts();
    Prepare(address);
    return python.memory().counts().reads;
  }
  std::string NameOf(uint64_t address) {
    const CodeObject* code = codes.Get(address);
    if (code == nullptr) return "no code";
    tables.TakeNew(&rows_);
    const FunctionRow& row = rows_.functions.at(static_cast<size_t>(code->function));
    return rows_.strings.at(static_cast<size_t>(row.qualname));
  }
  Location LocationOf(uint64_t address, int unit, bool* sure) {
    const int32_t frame =
        codes.FrameOf(address, codes.Get(address), python.InstructionAt(address, unit), sure);
    tables.TakeNew(&rows_);
    return rows_.frames.at(static_cast<size_t>(frame)).location;
  }

 private:
  NewRows rows_;
};

class CodeTable13Test : public CodeTableTest {};
class CodeTable14Test : public CodeTableTest {};

const auto kName = [](const auto& minor) { return "v3_" + std::to_string(minor.param); };
INSTANTIATE_TEST_SUITE_P(Python, CodeTableTest, testing::Values(13, 14, 15), kName);
INSTANTIATE_TEST_SUITE_P(Python, CodeTable13Test, testing::Values(13), kName);
INSTANTIATE_TEST_SUITE_P(Python, CodeTable14Test, testing::Values(14, 15), kName);

TEST_P(CodeTableTest, ReadsNameFileAndFirstLine) {
  const uint64_t f = python.Function("Shop.order", {.file = "/srv/shop.py", .first_line = 42});
  Begin();
  Prepare(f);
  NewRows rows;
  tables.TakeNew(&rows);
  EXPECT_EQ(rows.strings, (std::vector<std::string>{"Shop.order", "/srv/shop.py"}));
  EXPECT_EQ(rows.functions, (std::vector<FunctionRow>{{0, 1, 42}}));
}

TEST_P(CodeTableTest, TellsWhatWasReadOnce) {
  const uint64_t f = python.Function("f");
  const uint64_t g = python.Function("g");
  Begin();
  const uint64_t both[] = {f, g, f};
  codes.Prepare(both);
  EXPECT_EQ(codes.TakePrepared().doubtful, (std::vector<uint64_t>{f, g}));
  EXPECT_TRUE(codes.TakePrepared().doubtful.empty());
}

TEST_P(CodeTableTest, AKnownCodeObjectTakesNoReadInTheSameSample) {
  const uint64_t f = python.Function("f");
  Begin();
  Prepare(f);
  EXPECT_EQ(ReadsOfPrepare(f), 0u);
}

TEST_P(CodeTable14Test, WhileTheGenerationStandsNothingIsRead) {
  const uint64_t f = python.Function("f");
  Begin();
  Prepare(f);
  for (int i = 0; i < 5; ++i) {
    Begin();
    EXPECT_EQ(ReadsOfPrepare(f), 0u);
  }
  EXPECT_FALSE(codes.TakePrepared().replaced);
}

TEST_P(CodeTable13Test, EverySampleChecksTheIdentity) {
  const uint64_t f = python.Function("f");
  Begin();
  Prepare(f);
  for (int i = 0; i < 5; ++i) {
    Begin();
    EXPECT_EQ(ReadsOfPrepare(f), 1u);
  }
}

TEST_P(CodeTableTest, ManyAreCheckedByOneRead) {
  std::vector<uint64_t> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(python.Function(std::string("f").append(std::to_string(i))));
  }
  Begin();
  codes.Prepare(all);
  codes.TakePrepared();
  BeginAfterFree();
  python.memory().ResetCounts();
  codes.Prepare(all);
  EXPECT_EQ(python.memory().counts().reads, 1u);
  EXPECT_FALSE(codes.TakePrepared().replaced);
}

TEST_P(CodeTableTest, WhatWasForeseenTakesNoReadLater) {
  const uint64_t known = python.Function("known");
  Begin();
  Prepare(known);
  const uint64_t all[] = {python.Function("f"), known, python.Function("g")};
  BeginAfterFree();
  codes.Foresee(all);
  python.memory().ResetCounts();
  for (const uint64_t address : all) {
    EXPECT_TRUE(codes.IsCurrent(address));
    EXPECT_GT(codes.CurrentFrameBytes(address), 0u);
  }
  codes.Prepare(all);
  EXPECT_EQ(python.memory().counts().reads, 0u);
}

TEST_P(CodeTableTest, WhatWasForeseenAndNotOnAStackIsCheckedByTheNextSample) {
  const uint64_t f = python.Function("f");
  Begin();
  codes.Foresee({&f, 1});
  python.Replace(f, "other");
  BeginAfterFree();
  EXPECT_FALSE(codes.IsCurrent(f));
  Prepare(f);
  EXPECT_EQ(NameOf(f), "other");
}

TEST_P(CodeTableTest, UnreadableNamesCostTheOthersNothing) {
  std::vector<uint64_t> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(python.Function(std::string("f").append(std::to_string(i))));
  }
  python.Allocate(4096);  // what stands at the end of the memory can only be read in parts
  python.memory().Put(all[3] + python.layout().code.qualname, uint64_t{0x7f6600000000});
  Begin();
  python.memory().ResetCounts();
  codes.Prepare(all);
  EXPECT_LE(python.memory().counts().reads, 6u);
  EXPECT_EQ(codes.Get(all[3]), nullptr);
  EXPECT_EQ(NameOf(all[9]), "f9");
}

TEST_P(CodeTableTest, AnotherOneAtTheSameAddressIsReadAnew) {
  const uint64_t f = python.Function("f");
  Begin();
  Prepare(f);
  codes.TakePrepared();
  python.Replace(f, "other");
  BeginAfterFree();
  Prepare(f);
  EXPECT_EQ(NameOf(f), "other");
  const PreparedCodes prepared = codes.TakePrepared();
  EXPECT_TRUE(prepared.replaced);
  EXPECT_EQ(prepared.doubtful, std::vector<uint64_t>{f});
}

TEST_P(CodeTableTest, TwinsThatDifferOnlyInTheirVersionAreTwo) {
  const uint64_t f = python.Function("f");
  Begin();
  Prepare(f);
  codes.TakePrepared();
  const uint64_t version = f + python.layout().code.firstlineno + 24;
  python.memory().Put(version, python.memory().Get<uint32_t>(version) + 1);
  BeginAfterFree();
  Prepare(f);
  EXPECT_TRUE(codes.TakePrepared().replaced);
}

TEST_P(CodeTableTest, OneThatWasFreedIsNoneAnyMore) {
  const uint64_t f = python.Function("f");
  Begin();
  Prepare(f);
  python.Free(f);
  BeginAfterFree();
  Prepare(f);
  EXPECT_EQ(codes.Get(f), nullptr);
  EXPECT_TRUE(codes.TakePrepared().replaced);
}

TEST_P(CodeTableTest, OneWhosePageIsGoneIsNoneAnyMore) {
  const uint64_t f = python.Function("f");
  const uint64_t g = python.Function("g");
  Begin();
  const uint64_t both[] = {f, g};
  codes.Prepare(both);
  python.memory().Unmap(f, 8);
  BeginAfterFree();
  codes.Prepare(both);
  EXPECT_EQ(codes.Get(f), nullptr);
}

TEST_P(CodeTableTest, WhatIsNoCodeIsNone) {
  Begin();
  for (const uint64_t address :
       {uint64_t{0}, uint64_t{8}, python.none(), python.code_type(), python.Function("f") + 8,
        python.Function("f") + 4, uint64_t{0x7f6600000000}, ~uint64_t{7}, python.Str("text")}) {
    Prepare(address);
    EXPECT_EQ(codes.Get(address), nullptr) << address;
    EXPECT_EQ(codes.FrameBytes(address), 0u);
  }
  EXPECT_TRUE(codes.TakePrepared().doubtful.empty());
}

TEST_P(CodeTableTest, ATypeOfAnotherNameIsNotCode) {
  const uint64_t name = python.Allocate(16);
  python.memory().Write(name, "codec");
  const uint64_t type = python.Allocate(python.layout().type.size);
  python.memory().Put(type + python.layout().type.tp_name, name);
  const uint64_t f = python.Function("f");
  python.memory().Put(f + python.layout().object.ob_type, type);
  Begin();
  Prepare(f);
  EXPECT_EQ(codes.Get(f), nullptr);
}

TEST_P(CodeTableTest, UnreadableNamesMakeItNone) {
  for (const uint64_t field : {python.layout().code.qualname, python.layout().code.filename,
                               python.layout().code.linetable}) {
    const uint64_t f = python.Function(std::string("f").append(std::to_string(field)));
    python.memory().Put(f + field, uint64_t{0x7f6600000000});
    Begin();
    Prepare(f);
    EXPECT_EQ(codes.Get(f), nullptr) << field;
  }
}

// Frames.

TEST_P(CodeTableTest, AFrameTakesItsLocalsItsStackAndItsHeader) {
  const uint64_t f = python.Function("f", {.locals = 7, .stack_size = 4});
  Begin();
  EXPECT_EQ(codes.FrameBytes(f), (7 + 4) * 8 + python.layout().frame.localsplus);
}

TEST_P(CodeTableTest, AFrameSizeThatDoesNotAddUpIsNotUsed) {
  const uint64_t f = python.Function("f");
  const uint64_t frame_size = f + python.layout().code.firstlineno + 8;
  python.memory().Put(frame_size, python.memory().Get<int32_t>(frame_size) + 1);
  Begin();
  EXPECT_EQ(codes.FrameBytes(f), 0u);
  EXPECT_NE(codes.Get(f), nullptr) << "it is code for all that";
}

TEST_P(CodeTableTest, AFrameSizeBeyondAllBoundsIsNotUsed) {
  const uint64_t f = python.Function("f");
  const uint64_t line = f + python.layout().code.firstlineno;
  const auto header = static_cast<int32_t>(python.layout().frame.localsplus / 8);
  python.memory().Put<int32_t>(line - 4, INT32_MAX - header);
  python.memory().Put<int32_t>(line + 4, 0);
  python.memory().Put<int32_t>(line + 8, INT32_MAX);
  Begin();
  // Either not used, or the true product: never one that wrapped.
  const uint64_t bytes = codes.FrameBytes(f);
  EXPECT_TRUE(bytes == 0 || bytes == uint64_t{INT32_MAX} * 8) << bytes;
}

TEST_P(CodeTableTest, EachInstructionHasItsLocation) {
  const uint64_t f = python.Function("f", {.first_line = 10, .lines = 5});
  Begin();
  Prepare(f);
  for (int unit = 0; unit < 5; ++unit) {
    bool sure = true;
    EXPECT_EQ(LocationOf(f, unit, &sure), (Location{10 + unit, 10 + unit, 4, 12}));
    EXPECT_TRUE(sure);
  }
}

TEST_P(CodeTableTest, InstructionsOutsideOfTheCodeAreNotSureAndHaveNoLine) {
  const uint64_t f = python.Function("f", {.lines = 5});
  Begin();
  Prepare(f);
  for (const int unit : {5, 6, 1000, -2, -100}) {
    bool sure = true;
    EXPECT_EQ(LocationOf(f, unit, &sure), Location{}) << unit;
    EXPECT_FALSE(sure) << unit;
  }
}

TEST_P(CodeTableTest, OneUnitBeforeTheFirstIsAFrameThatWasNotEntered) {
  const uint64_t f = python.Function("f");
  Begin();
  Prepare(f);
  bool sure = true;
  EXPECT_EQ(LocationOf(f, -1, &sure), Location{});
  EXPECT_TRUE(sure);
}

TEST_P(CodeTableTest, ReadsTheTableOfAFunctionOfTwentyThousandLines) {
  const uint64_t f = python.Function("f", {.first_line = 1, .lines = 20'000});
  Begin();
  Prepare(f);
  bool sure = true;
  EXPECT_EQ(LocationOf(f, 19'999, &sure).line, 20'000);
  EXPECT_TRUE(sure);
}

TEST_P(CodeTableTest, AnAbsurdTableCostsTheLinesButNotTheName) {
  const uint64_t f = python.Function("f");
  const auto table = python.memory().Get<uint64_t>(f + python.layout().code.linetable);
  python.memory().Put(table + python.layout().bytes.ob_size, uint64_t{1} << 40);
  Begin();
  python.memory().ResetCounts();
  Prepare(f);
  EXPECT_EQ(NameOf(f), "f");
  EXPECT_LT(python.memory().counts().bytes, 1u << 20);
  bool sure = true;
  EXPECT_EQ(LocationOf(f, 3, &sure), Location{});
}

TEST_P(CodeTableTest, AnEmptyTableHasNoLines) {
  const uint64_t f = python.Function("f");
  python.memory().Put(f + python.layout().code.linetable, python.Bytes(""));
  Begin();
  Prepare(f);
  bool sure = true;
  EXPECT_EQ(LocationOf(f, 3, &sure), Location{});
  EXPECT_EQ(NameOf(f), "f");
}

TEST_P(CodeTableTest, ALayoutWithTheBytesSizeFarOutStaysWithinWhatWasRead) {
  Layout layout = python.layout();
  layout.bytes.size = 4096;
  layout.bytes.ob_size = 4088;
  CodeTable odd(&python.memory(), layout, &tables);
  odd.BeginSample(1, {});
  const uint64_t f = python.Function("f");
  odd.Prepare({&f, 1});
  odd.Get(f);
}

}  // namespace
}  // namespace pyprof::test
