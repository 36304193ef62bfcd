#include "code/tables.h"

#include <gtest/gtest.h>

#include <string>

namespace pyprof::test {
namespace {

TEST(Tables, EqualRowsAreOne) {
  Tables tables;
  const int32_t function = tables.Function("f", "a.py", 1);
  EXPECT_EQ(tables.Function("f", "a.py", 1), function);
  EXPECT_NE(tables.Function("f", "a.py", 2), function);
  EXPECT_NE(tables.Function("f", "b.py", 1), function);
  EXPECT_NE(tables.Function("g", "a.py", 1), function);
  const int32_t frame = tables.Frame(function, {1, 1, 0, 4});
  EXPECT_EQ(tables.Frame(function, {1, 1, 0, 4}), frame);
  for (const Location& other :
       {Location{2, 1, 0, 4}, Location{1, 2, 0, 4}, Location{1, 1, 1, 4}, Location{1, 1, 0, 5}}) {
    EXPECT_NE(tables.Frame(function, other), frame);
  }
  const int32_t stack = tables.Stack(kNoStack, frame);
  EXPECT_EQ(tables.Stack(kNoStack, frame), stack);
  EXPECT_NE(tables.Stack(stack, frame), stack);
}

TEST(Tables, NumberRowsFromZeroInTheOrderOfTheirFirstUse) {
  Tables tables;
  EXPECT_EQ(tables.String("a"), 0);
  EXPECT_EQ(tables.String("b"), 1);
  EXPECT_EQ(tables.String("a"), 0);
  EXPECT_EQ(tables.String("c"), 2);
}

TEST(Tables, StringsMayHoldAnything) {
  Tables tables;
  const int32_t empty = tables.String("");
  const int32_t zero = tables.String(std::string_view("\0", 1));
  EXPECT_NE(empty, zero);
  NewRows rows;
  tables.TakeNew(&rows);
  EXPECT_EQ(rows.strings[1], std::string(1, '\0'));
}

TEST(Tables, GiveEachRowOutOnce) {
  Tables tables;
  NewRows rows;
  tables.Function("f", "a.py", 1);
  tables.TakeNew(&rows);
  EXPECT_EQ(rows.strings, (std::vector<std::string>{"f", "a.py"}));
  EXPECT_EQ(rows.functions, (std::vector<FunctionRow>{{0, 1, 1}}));

  NewRows more;
  tables.TakeNew(&more);
  EXPECT_TRUE(more.strings.empty() && more.functions.empty());

  const int32_t frame = tables.Frame(tables.Function("g", "a.py", 5), {6, 6, 0, 1});
  tables.Stack(kNoStack, frame);
  tables.TakeNew(&more);
  EXPECT_EQ(more.strings, (std::vector<std::string>{"g"}));
  EXPECT_EQ(more.functions, (std::vector<FunctionRow>{{2, 1, 5}}));
  EXPECT_EQ(more.frames, (std::vector<FrameRow>{{1, {6, 6, 0, 1}}}));
  EXPECT_EQ(more.stacks, (std::vector<StackRow>{{kNoStack, 0}}));
}

TEST(Tables, TakenRowsAreAppended) {
  Tables tables;
  NewRows rows;
  tables.String("a");
  tables.TakeNew(&rows);
  tables.String("b");
  tables.TakeNew(&rows);
  EXPECT_EQ(rows.strings, (std::vector<std::string>{"a", "b"}));
}

TEST(Tables, StringsAreKnownAfterTheyWereTaken) {
  Tables tables;
  NewRows rows;
  const std::string text(100, 'x');
  const int32_t index = tables.String(text);
  tables.TakeNew(&rows);
  EXPECT_EQ(tables.String(text), index);
}

TEST(Tables, FindEveryRowAgainAfterGrowing) {
  Tables tables;
  const int32_t function = tables.Function("f", "a.py", 1);
  std::vector<int32_t> frames;
  std::vector<int32_t> stacks;
  int32_t stack = kNoStack;
  for (int line = 0; line < 20'000; ++line) {
    frames.push_back(tables.Frame(function, {line, line, 0, 1}));
    stack = tables.Stack(line % 100 == 0 ? kNoStack : stack, frames.back());
    stacks.push_back(stack);
  }
  for (int line = 0; line < 20'000; ++line) {
    const auto i = static_cast<size_t>(line);
    ASSERT_EQ(tables.Frame(function, {line, line, 0, 1}), frames[i]);
    ASSERT_EQ(frames[i], line);
    ASSERT_EQ(stacks[i], line);
  }
  NewRows rows;
  tables.TakeNew(&rows);
  EXPECT_EQ(rows.frames.size(), 20'000u);
  EXPECT_EQ(rows.stacks.size(), 20'000u);
}

TEST(Tables, AMarkerHasNeitherFileNorLine) {
  Tables tables;
  tables.Marker("<truncated>");
  NewRows rows;
  tables.TakeNew(&rows);
  EXPECT_EQ(rows.strings[static_cast<size_t>(rows.functions[0].qualname)], "<truncated>");
  EXPECT_EQ(rows.strings[static_cast<size_t>(rows.functions[0].file)], "");
  EXPECT_EQ(rows.functions[0].first_line, 0);
  EXPECT_EQ(rows.frames[0].location, Location{});
}

}  // namespace
}  // namespace pyprof::test
