#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/fake/heap.h"
#include "test/fake/python.h"
#include "values/frame_variables.h"
#include "values/number_text.h"
#include "values/value_reader.h"

namespace pyprof::test {
namespace {

std::string Narrow(const std::u16string& text) {
  std::string out;
  for (const char16_t c : text) out.push_back(c < 128 ? static_cast<char>(c) : '?');
  return out;
}

/// A value in short: `[1, 2…3]` is a list of three, of which two are there.
std::string Show(const Value& value) {
  const std::string text = Narrow(value.text);
  std::string inside;
  for (size_t i = 0; i < value.items.size(); ++i) {
    if (i > 0) inside += ", ";
    if (i < value.keys.size()) inside += Show(value.keys[i]) + ": ";
    if (i < value.names.size()) inside += value.names[i] + "=";
    inside += Show(value.items[i]);
  }
  if (value.cut && value.length) inside += "\u2026" + std::to_string(*value.length);
  switch (value.kind) {
    case ValueKind::kNone:
      return "None";
    case ValueKind::kInt:
    case ValueKind::kBool:
    case ValueKind::kFloat:
    case ValueKind::kComplex:
      return text + inside;
    case ValueKind::kStr:
      return "'" + text + "'" + inside;
    case ValueKind::kBytes:
      return "b'" + text + "'" + inside;
    case ValueKind::kBytearray:
      return "bytearray'" + text + "'";
    case ValueKind::kList:
      return "[" + inside + "]";
    case ValueKind::kTuple:
      return "(" + inside + ")";
    case ValueKind::kDict:
    case ValueKind::kSet:
      return "{" + inside + "}";
    case ValueKind::kArray: {
      std::string shape;
      for (const uint64_t n : value.shape) shape += " " + std::to_string(n);
      return "array" + shape + " " + text;
    }
    case ValueKind::kObject:
      return value.type + "(" + inside + ")";
    case ValueKind::kCycle:
      return "cycle";
    case ValueKind::kUnbound:
      return "unbound";
    case ValueKind::kUnreadable:
      return "unreadable";
    case ValueKind::kBeyondLimit:
      return "limit";
    default:
      return "other";
  }
}

class ValuesTest : public testing::TestWithParam<int> {
 protected:
  std::string Read(uint64_t object) { return Read(object, {}); }
  std::string Read(uint64_t object, const ValueLimits& limits) {
    ValueReader reader(&python.memory(), python.layout(), limits);
    reader.Begin();
    return Show(reader.Read(object));
  }

  FakePython python{GetParam()};
  FakeHeap heap{&python};
};

INSTANTIATE_TEST_SUITE_P(Python, ValuesTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(ValuesTest, Numbers) {
  EXPECT_EQ(Read(python.none()), "None");
  EXPECT_EQ(Read(heap.Int(0)), "0");
  EXPECT_EQ(Read(heap.Int(-1)), "-1");
  EXPECT_EQ(Read(heap.Int(1'000'000'000'000)), "1000000000000");
  EXPECT_EQ(Read(heap.Int({0, 0, 1}, true)), "-1152921504606846976");
  EXPECT_EQ(Read(heap.Bool(true)), "True");
  EXPECT_EQ(Read(heap.Bool(false)), "False");
  EXPECT_EQ(Read(heap.Float(-2.5)), "-2.5");
  EXPECT_EQ(Read(heap.Complex(0, 1)), "1j");
}

TEST_P(ValuesTest, AnIntOfManyDigitsIsTold) {
  const uint64_t object = heap.Int(std::vector<uint32_t>(1000, 1), false);
  EXPECT_EQ(Read(object), "\u2026" + std::to_string(999 * 30 + 1));
}

TEST_P(ValuesTest, Texts) {
  EXPECT_EQ(Read(python.Str("plain")), "'plain'");
  EXPECT_EQ(Read(python.Str(U"\u00e9\u4e2d")), "'??'");
  EXPECT_EQ(Read(python.Str(U"\U0001f40d")), "'??'");  // two halves of UTF-16
  EXPECT_EQ(Read(python.Str("123456"), {.text = 3}), "'123'\u20266");
  EXPECT_EQ(Read(heap.Bytes("ab")), "b'ab'");
  EXPECT_EQ(Read(heap.Bytes("abcd"), {.text = 2}), "b'ab'\u20264");
  EXPECT_EQ(Read(heap.Bytearray("xyz")), "bytearray'xyz'");
}

TEST_P(ValuesTest, Containers) {
  const uint64_t one = heap.Int(1);
  const uint64_t two = heap.Int(2);
  EXPECT_EQ(Read(heap.List({one, heap.List({two}), heap.Tuple({})})), "[1, [2], ()]");
  EXPECT_EQ(Read(heap.Tuple({one, two, one}), {.items = 2}), "(1, 2\u20263)");
  EXPECT_EQ(Read(heap.Dict({{python.Str("a"), one}, {two, 0}, {two, python.none()}})),
            "{'a': 1, 2: None}");
  EXPECT_EQ(Read(heap.SplitDict({{python.Str("a"), one}, {python.Str("b"), 0}})), "{'a': 1}");
  EXPECT_EQ(Read(heap.Set({one, two})), "{1, 2}");
  EXPECT_EQ(Read(heap.Array({3, 4})), "array 3 4 float64");
}

TEST_P(ValuesTest, DepthIsLimited) {
  const uint64_t object = heap.List({heap.List({heap.List({heap.Int(1)})})});
  EXPECT_EQ(Read(object, {.depth = 2}), "[[[\u20261]]]");
  EXPECT_EQ(Read(object, {.depth = 0}), "[\u20261]");
}

TEST_P(ValuesTest, AttributesInTheObjectAndInItsDict) {
  const FakeHeap::Items attributes = {{python.Str("left"), heap.Int(1)},
                                      {python.Str("right"), python.none()}};
  EXPECT_EQ(Read(heap.Instance("Inline", attributes)), "Inline(left=1, right=None)");
  EXPECT_EQ(Read(heap.Instance("InDict", attributes, true)), "InDict(left=1, right=None)");
}

TEST_P(ValuesTest, CyclesEnd) {
  const uint64_t list = heap.List({0});
  const uint64_t items = python.memory().Get<uint64_t>(list + python.layout().list.ob_item);
  python.memory().Put(items, list);
  EXPECT_EQ(Read(list), "[cycle]");
}

TEST_P(ValuesTest, BytesAreLimited) {
  std::vector<uint64_t> items(1000, heap.List(std::vector<uint64_t>(1000, heap.Int(1))));
  ValueReader reader(&python.memory(), python.layout(),
                     {.depth = 5, .items = 1000, .bytes = 100'000});
  reader.Begin();
  const Value value = reader.Read(heap.List(items));
  size_t count = 0;
  for (const Value& item : value.items) count += item.items.size();
  EXPECT_TRUE(reader.LimitReached());
  EXPECT_TRUE(value.cut);
  EXPECT_LT(count, 2000u);
  reader.Begin();
  EXPECT_FALSE(reader.LimitReached());
}

TEST_P(ValuesTest, WhatIsNoObjectIsUnreadable) {
  EXPECT_EQ(Read(0), "unbound");
  EXPECT_EQ(Read(0x1234568), "unreadable");
  EXPECT_EQ(Read(heap.Int(1) + 4), "unreadable");
  EXPECT_EQ(Read(heap.Object(heap.Int(1), 32)), "unreadable");
}

TEST_P(ValuesTest, AbsurdSizesAreRefused) {
  FakeMemory& memory = python.memory();
  const Layout& layout = python.layout();
  const uint64_t list = heap.List({heap.Int(1)});
  memory.Put(list + layout.list.ob_size, uint64_t{1} << 40);
  EXPECT_EQ(Read(list), "unreadable");
  memory.Put(list + layout.list.ob_item + 8, uint64_t{1} << 40);
  memory.Put(list + layout.list.ob_item, uint64_t{0x1234000});
  EXPECT_EQ(Read(list), "[\u2026" + std::to_string(uint64_t{1} << 40) + "]");
  const uint64_t set = heap.Set({heap.Int(1)});
  memory.Put(set + layout.object.size + 16, ~uint64_t{0});
  EXPECT_EQ(Read(set), "unreadable");
  const uint64_t text = python.Str("abc");
  memory.Put(text + layout.unicode.length, uint64_t{1} << 40);
  EXPECT_EQ(Read(text, {.text = 1 << 20}), "unreadable");
  const uint64_t number = heap.Int(5);
  memory.Put(number + layout.long_.lv_tag, (uint64_t{1} << 47) << 3);
  EXPECT_EQ(Read(number), "unreadable");
  const uint64_t array = heap.Array({3});
  memory.Put(array + layout.object.size + 8, uint64_t{1} << 30);
  EXPECT_EQ(Read(array), "unreadable");
  const uint64_t dict = heap.Dict({{heap.Int(1), heap.Int(2)}});
  memory.Put(dict + layout.object.size, uint64_t{100});
  EXPECT_EQ(Read(dict), "unreadable");
  const uint64_t bytes = heap.Bytearray("abc");
  memory.Put(bytes + layout.object.size, uint64_t{100});
  EXPECT_EQ(Read(bytes), "unreadable");
}

class VariablesTest : public ValuesTest {
 protected:
  std::string Variables() {
    ValueReader reader(&python.memory(), python.layout(), {});
    reader.Begin();
    const FrameVariables found =
        ReadVariables(&python.memory(), python.layout(), &reader, thread.leaf());
    if (!found.readable) return "unreadable";
    std::string text;
    for (const Variable& variable : found.variables) {
      text += (text.empty() ? "" : " ") + variable.name + "/" + "alcfn"[int(variable.kind)] + "=" +
              Show(variable.value);
    }
    return text;
  }
  /// A reference as this version has it in a frame.
  uint64_t Ref(uint64_t object) const {
    if (GetParam() < 14) return object;
    return object == 0 ? 1 : object | 1;
  }

  const uint64_t code = python.Function("f", {.locals = 6});
  FakeThread& thread = python.AddThread("main").Enter().Call("f");
};

INSTANTIATE_TEST_SUITE_P(Python, VariablesTest, testing::Values(13, 14, 15),
                         [](const auto& minor) { return "v3_" + std::to_string(minor.param); });

TEST_P(VariablesTest, OfEveryKind) {
  heap.SetVariables(thread.leaf(), code, 1,
                    {{"first", 0x26, heap.Int(1)},
                     {"counted", 0x20, Ref(heap.Int(2))},
                     {"unbound", 0x20, Ref(0)},
                     {"cell", 0x40, heap.Cell(heap.Int(3))},
                     {"empty", 0x80, heap.Cell(0)},
                     {"hidden", 0x30, Ref(0)}});
  EXPECT_EQ(Variables(), "first/a=1 counted/l=2 unbound/l=unbound cell/c=3 empty/f=unbound");
}

TEST_P(VariablesTest, WhatLiesIsUnreadable) {
  FakeMemory& memory = python.memory();
  const Layout& layout = python.layout();
  heap.SetVariables(thread.leaf(), code, 0, {{"a", 0x20, heap.Int(1)}});
  EXPECT_EQ(Variables(), "a/l=1");
  memory.Put(code + layout.code.localsplusnames, heap.Int(1));
  EXPECT_EQ(Variables(), "unreadable");
  memory.Put(code + layout.code.localsplusnames, heap.Tuple({heap.Int(1)}));
  EXPECT_EQ(Variables(), "?/l=1");
  python.SetExecutable(thread.leaf(), heap.Int(1));
  EXPECT_EQ(Variables(), "unreadable");
}

TEST_P(VariablesTest, NumbersOnTheStackAreNoObjects) {
  if (GetParam() < 14) return;
  heap.SetVariables(thread.leaf(), code, 0, {{"a", 0x20, 7}});
  EXPECT_EQ(Variables(), "a/l=unbound");
}

TEST(NumberText, FloatsAreWhatPythonWrites) {
  EXPECT_EQ(FloatText(0.1), "0.1");
  EXPECT_EQ(FloatText(-0.0), "-0.0");
  EXPECT_EQ(FloatText(1e16), "1e+16");
  EXPECT_EQ(FloatText(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(FloatText(1e15), "1000000000000000.0");
  EXPECT_EQ(FloatText(0.0001), "0.0001");
  EXPECT_EQ(FloatText(0.00001), "1e-05");
  EXPECT_EQ(FloatText(5e-324), "5e-324");
  EXPECT_EQ(FloatText(-1.0 / 0.0), "-inf");
  EXPECT_EQ(ComplexText(1, 2.5), "(1+2.5j)");
  EXPECT_EQ(ComplexText(-0.0, -1), "(-0-1j)");
}

TEST(NumberText, Decimals) {
  EXPECT_EQ(DecimalText({}), "0");
  const uint32_t power[] = {0, 0, 0, 1};  // 2**90
  EXPECT_EQ(DecimalText(power), "1237940039285380274899124224");
  EXPECT_EQ(BitLength(power), 91u);
}

}  // namespace
}  // namespace pyprof::test
