#include "code/python_string.h"

#include <gtest/gtest.h>

#include <string>

#include "test/fake/python.h"

namespace pyprof::test {
namespace {

class PythonStringTest : public testing::Test {
 protected:
  std::optional<std::string> Read(uint64_t address) {
    return ReadPythonString(&python.memory(), python.layout(), address);
  }
  std::optional<std::string> Read(std::u32string_view text) { return Read(python.Str(text)); }
  void SetLength(uint64_t str, uint64_t length) {
    python.memory().Put(str + python.layout().unicode.length, length);
  }
  void SetState(uint64_t str, uint32_t state) {
    python.memory().Put(str + python.layout().unicode.state, state);
  }
  static constexpr uint32_t kCompact = 1 << 5;

  FakePython python{14};
};

TEST_F(PythonStringTest, ReadsAscii) { EXPECT_EQ(Read(U"Handler.serve"), "Handler.serve"); }

TEST_F(PythonStringTest, ReadsTheEmptyString) { EXPECT_EQ(Read(U""), ""); }

TEST_F(PythonStringTest, ReadsOneByteKinds) {
  EXPECT_EQ(Read(U"gr\u00fc\u00dfen"), "gr\u00fc\u00dfen");
}

TEST_F(PythonStringTest, ReadsTwoByteKinds) {
  EXPECT_EQ(Read(U"\u0434\u0430 \u4e2d\u6587"), "\u0434\u0430 \u4e2d\u6587");
}

TEST_F(PythonStringTest, ReadsFourByteKinds) { EXPECT_EQ(Read(U"a\U0001f40d!"), "a\U0001f40d!"); }

TEST_F(PythonStringTest, ReadsTheEdgesOfEveryUtf8Length) {
  EXPECT_EQ(Read(U"\u007f"), "\x7f");
  EXPECT_EQ(Read(U"\u0080"), "\xc2\x80");
  EXPECT_EQ(Read(U"\u07ff\u0800"), "\xdf\xbf\xe0\xa0\x80");
  EXPECT_EQ(Read(U"\uffff\U00010000"), "\xef\xbf\xbf\xf0\x90\x80\x80");
  EXPECT_EQ(Read(U"\U0010ffff"), "\xf4\x8f\xbf\xbf");
}

TEST_F(PythonStringTest, WritesLoneSurrogatesAsEscapes) {
  const char32_t text[] = {U'a', 0xdc80, U'b', 0xd800, 0xdfff};
  EXPECT_EQ(Read(std::u32string_view(text, 5)), "a\\udc80b\\ud800\\udfff");
}

TEST_F(PythonStringTest, WritesWhatIsNoCodePointAsAnEscape) {
  const char32_t text[] = {0x110000, 0xffffffff};
  EXPECT_EQ(Read(std::u32string_view(text, 2)), "\\U00110000\\Uffffffff");
}

TEST_F(PythonStringTest, KeepsZeros) {
  EXPECT_EQ(Read(std::u32string_view(U"a\0b", 3)), std::string("a\0b", 3));
}

TEST_F(PythonStringTest, ReadsTheSameOnEveryVersion) {
  for (const int minor : {13, 14, 15}) {
    FakePython other(minor);
    const uint64_t str = other.Str(U"\u00e9t\u00e9");
    EXPECT_EQ(ReadPythonString(&other.memory(), other.layout(), str), "\u00e9t\u00e9") << minor;
  }
}

TEST_F(PythonStringTest, ReadsLongStringsWhole) {
  for (const size_t length : {255, 256, 257, 5000, 65536}) {
    EXPECT_EQ(Read(std::u32string(length, U'x')), std::string(length, 'x'));
    EXPECT_EQ(Read(std::u32string(length, U'\U0001f40d'))->size(), length * 4);
  }
}

TEST_F(PythonStringTest, CutsWhatIsTooLongAndSaysSo) {
  EXPECT_EQ(Read(std::u32string(kMaxStringLength + 1, U'x')),
            std::string(kMaxStringLength, 'x') + "\u2026");
}

TEST_F(PythonStringTest, AnAbsurdLengthIsRefusedOrCutWithinBounds) {
  const uint64_t str = python.Str("name");
  for (const uint64_t length : {uint64_t{1} << 20, uint64_t{1} << 62, ~uint64_t{0}}) {
    SetLength(str, length);
    python.memory().ResetCounts();
    EXPECT_EQ(Read(str), std::nullopt) << length;
    EXPECT_LE(python.memory().counts().bytes, 1u << 20);
  }
}

TEST_F(PythonStringTest, OtherKindsThanOneTwoAndFourAreRefused) {
  const uint64_t str = python.Str("name");
  for (const uint32_t kind : {0u, 3u, 5u, 6u, 7u}) {
    SetState(str, kind << 2 | kCompact);
    EXPECT_EQ(Read(str), std::nullopt) << kind;
  }
}

TEST_F(PythonStringTest, AStringThatIsNotCompactIsRefused) {
  const uint64_t str = python.Str("name");
  SetState(str, 1u << 2);
  EXPECT_EQ(Read(str), std::nullopt);
}

TEST_F(PythonStringTest, AnUnreadableAddressIsRefused) {
  EXPECT_EQ(Read(uint64_t{0}), std::nullopt);
  EXPECT_EQ(Read(uint64_t{0x7f6600000000}), std::nullopt);
  EXPECT_EQ(Read(~uint64_t{0}), std::nullopt);
}

TEST_F(PythonStringTest, ReadsAStringThatEndsWithItsMapping) {
  constexpr uint64_t kEnd = 0x7f6600001000;
  const auto& unicode = python.layout().unicode;
  python.memory().Map(kEnd - 4096, 4096);
  const uint64_t str = kEnd - unicode.asciiobject_size - 5;
  python.memory().Put(str + unicode.length, uint64_t{4});
  python.memory().Put(str + unicode.state, 1u << 2 | kCompact | 1u << 6);
  python.memory().Write(str + unicode.asciiobject_size, "name");
  EXPECT_EQ(Read(str), "name");
}

TEST_F(PythonStringTest, AStringWhoseTextLeavesItsMappingIsRefused) {
  constexpr uint64_t kEnd = 0x7f6600001000;
  const auto& unicode = python.layout().unicode;
  python.memory().Map(kEnd - 4096, 4096);
  const uint64_t str = kEnd - unicode.asciiobject_size - 3;
  python.memory().Put(str + unicode.length, uint64_t{4});
  python.memory().Put(str + unicode.state, 1u << 2 | kCompact | 1u << 6);
  EXPECT_EQ(Read(str), std::nullopt);
}

TEST_F(PythonStringTest, AHeaderThatLeavesItsMappingIsRefused) {
  constexpr uint64_t kEnd = 0x7f6600001000;
  python.memory().Map(kEnd - 4096, 4096);
  for (uint64_t size = 1; size < python.layout().unicode.asciiobject_size; ++size) {
    EXPECT_EQ(Read(kEnd - size), std::nullopt) << size;
  }
}

TEST_F(PythonStringTest, ALayoutWithItsFieldsFarApartStaysWithinWhatWasRead) {
  Layout layout = python.layout();
  layout.unicode.size = 4096;
  layout.unicode.state = 2048;
  layout.unicode.length = 4000;
  const uint64_t str = python.Allocate(8192);
  EXPECT_EQ(ReadPythonString(&python.memory(), layout, str), std::nullopt);
}

TEST_F(PythonStringTest, ATypicalNameTakesOneRead) {
  const uint64_t str = python.Str("Handler.serve_forever");
  python.memory().ResetCounts();
  Read(str);
  EXPECT_EQ(python.memory().counts().reads, 1u);
}

TEST_F(PythonStringTest, ReadsCStrings) {
  const uint64_t at = python.Allocate(16);
  python.memory().Write(at, "code");
  EXPECT_EQ(ReadCString(&python.memory(), at, 16), "code");
  EXPECT_EQ(ReadCString(&python.memory(), at, 5), "code");
  EXPECT_EQ(ReadCString(&python.memory(), at, 4), std::nullopt) << "no end within the limit";
  EXPECT_EQ(ReadCString(&python.memory(), 0x7f6600000000, 16), std::nullopt);
}

TEST_F(PythonStringTest, ReadsACStringThatEndsWithItsMapping) {
  constexpr uint64_t kEnd = 0x7f6600001000;
  python.memory().Map(kEnd - 4096, 4096);
  python.memory().Write(kEnd - 5, std::string_view("code", 5));
  EXPECT_EQ(ReadCString(&python.memory(), kEnd - 5, 16), "code");
  python.memory().Write(kEnd - 4, "code");
  EXPECT_EQ(ReadCString(&python.memory(), kEnd - 4, 16), std::nullopt) << "it does not end";
}

}  // namespace
}  // namespace pyprof::test
