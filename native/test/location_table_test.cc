#include "code/location_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "test/fake/location_encoder.h"

namespace pyprof::test {
namespace {

LocationTable Decode(std::string_view bytes, int32_t first_line = 10) {
  return LocationTable({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()},
                       first_line);
}

/// The location of every unit.
std::vector<Location> Units(const LocationTable& table) {
  std::vector<Location> all;
  for (size_t i = 0; i < table.units(); ++i) all.push_back(table.Entry(table.EntryOf(i)));
  return all;
}

std::vector<Location> Units(const LocationEncoder& encoder, int32_t first_line = 10) {
  return Units(Decode(encoder.bytes(), first_line));
}

using Locations = std::vector<Location>;

TEST(LocationTable, OfNothingIsEmpty) {
  EXPECT_EQ(Decode("").units(), 0u);
  EXPECT_EQ(Decode("").entries(), 0u);
}

TEST(LocationTable, DecodesTheShortForm) {
  EXPECT_EQ(Units(LocationEncoder(10).Short(1, 0, 0)), (Locations{{10, 10, 0, 0}}));
  EXPECT_EQ(Units(LocationEncoder(10).Short(1, 79, 94)), (Locations{{10, 10, 79, 94}}));
}

TEST(LocationTable, DecodesTheOneLineForms) {
  EXPECT_EQ(
      Units(LocationEncoder(10).OneLine(1, 0, 3, 90).OneLine(1, 1, 0, 127).OneLine(1, 2, 5, 6)),
      (Locations{{10, 10, 3, 90}, {11, 11, 0, 127}, {13, 13, 5, 6}}));
}

TEST(LocationTable, DecodesTheFormWithoutColumns) {
  EXPECT_EQ(Units(LocationEncoder(10).NoColumns(1, 5).NoColumns(1, -3)),
            (Locations{{15, 15, -1, -1}, {12, 12, -1, -1}}));
}

TEST(LocationTable, DecodesTheLongForm) {
  EXPECT_EQ(Units(LocationEncoder(10).Long(1, {100, 140, 3, 200}).Long(1, {7, 7, -1, -1})),
            (Locations{{100, 140, 3, 200}, {7, 7, -1, -1}}));
}

TEST(LocationTable, UnitsWithoutLocationHaveNoLineAndMoveNone) {
  EXPECT_EQ(Units(LocationEncoder(10).NoLocation(2).Short(1, 4, 5)),
            (Locations{{}, {}, {10, 10, 4, 5}}));
}

TEST(LocationTable, AnEntryCoversOneToEightUnits) {
  for (size_t units = 1; units <= 8; ++units) {
    EXPECT_EQ(Decode(LocationEncoder(1).Short(units, 1, 2).bytes()).units(), units);
  }
}

TEST(LocationTable, EqualLocationsAreOneEntry) {
  const LocationTable table =
      Decode(LocationEncoder(10).Short(8, 1, 2).Short(3, 4, 5).Short(8, 1, 2).bytes());
  EXPECT_EQ(table.units(), 19u);
  EXPECT_EQ(table.entries(), 2u);
  EXPECT_EQ(table.EntryOf(0), table.EntryOf(18));
  EXPECT_NE(table.EntryOf(0), table.EntryOf(8));
}

TEST(LocationTable, DecodesLinesFarApart) {
  EXPECT_EQ(Units(LocationEncoder(1).NoColumns(1, 1'000'000).NoColumns(1, -999'999), 1),
            (Locations{{1'000'001, 1'000'001, -1, -1}, {2, 2, -1, -1}}));
}

TEST(LocationTable, DecodesWhatTheCompilerWrote) {
  // co_linetable of `def f(a):\n    b = a + 1\n    return b\n` by CPython 3.14, first line 1.
  const char bytes[] = "\x80\x00\xd8\x08\x09\x88\x41\x8d\x05\x80\x41\xd8\x0b\x0c\x80\x48";
  const LocationTable table = Decode({bytes, sizeof(bytes) - 1}, 1);
  EXPECT_EQ(Units(table), (Locations{{1, 1, 0, 0},
                                     {2, 2, 8, 9},
                                     {2, 2, 12, 13},
                                     {2, 2, 8, 13},
                                     {2, 2, 8, 13},
                                     {2, 2, 8, 13},
                                     {2, 2, 8, 13},
                                     {2, 2, 8, 13},
                                     {2, 2, 8, 13},
                                     {2, 2, 4, 5},
                                     {3, 3, 11, 12},
                                     {3, 3, 4, 12}}));
}

TEST(LocationTable, GivesBackEveryRandomTable) {
  std::mt19937 random(20'260'101);
  const auto draw = [&random](int from, int to) {
    return std::uniform_int_distribution<int>(from, to)(random);
  };
  for (int round = 0; round < 500; ++round) {
    const int first_line = draw(1, 5000);
    LocationEncoder encoder(first_line);
    Locations wanted;
    int line = first_line;
    const int entries = draw(0, 60);
    for (int i = 0; i < entries; ++i) {
      Location location;
      switch (draw(0, 5)) {
        case 0:
          break;
        case 1:
          line = std::max(1, line + draw(-300, 300));
          location = {line, line, -1, -1};
          break;
        case 2:
          line = std::max(1, line + draw(-20, 2000));
          location = {line, line + draw(0, 50), draw(0, 300), draw(0, 300)};
          break;
        default:
          line += draw(0, 3);
          location.line = location.end_line = line;
          location.column = draw(0, 140);
          location.end_column = location.column + draw(0, 40);
      }
      const auto units = static_cast<size_t>(draw(1, 20));
      encoder.Add(units, location);
      wanted.insert(wanted.end(), units, location);
    }
    ASSERT_EQ(Units(encoder, first_line), wanted) << "round " << round;
  }
}

// Damage.

TEST(LocationTable, EndsWhereAnEntryDoesNotBeginAsOne) {
  LocationEncoder encoder(10);
  encoder.Short(2, 1, 2).Byte(0x7f).Short(2, 1, 2);
  EXPECT_EQ(Decode(encoder.bytes()).units(), 2u);
}

TEST(LocationTable, KeepsTheWholeEntriesOfATableThatIsCutAnywhere) {
  const std::string whole = LocationEncoder(10)
                                .Short(1, 1, 2)
                                .Long(1, {100, 5000, 300, 4000})
                                .OneLine(1, 1, 2, 3)
                                .NoColumns(1, -70)
                                .bytes();
  const Locations all = Units(Decode(whole));
  ASSERT_EQ(all.size(), 4u);
  for (size_t size = 0; size < whole.size(); ++size) {
    const Locations some = Units(Decode(whole.substr(0, size)));
    ASSERT_LT(some.size(), all.size());
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.begin())) << size;
  }
}

TEST(LocationTable, EndsAtANumberThatNeverEnds) {
  LocationEncoder encoder(10);
  encoder.Short(1, 1, 2).Head(13, 1);
  for (int i = 0; i < 100; ++i) encoder.Byte(0xff);
  EXPECT_EQ(Decode(encoder.bytes()).units(), 1u);
}

TEST(LocationTable, NumbersBeyondAllBoundsDoNotOverflow) {
  for (const uint32_t value : {0x7fffffffu, 0x80000000u, 0xffffffffu, 0xfffffffeu}) {
    LocationEncoder encoder(10);
    encoder.Head(14, 1).Varint(value).Varint(value).Varint(value).Varint(value);
    encoder.Head(13, 1).Varint(value).Head(13, 1).Varint(value);
    EXPECT_EQ(Decode(encoder.bytes(), INT32_MAX).units(), 3u) << value;
    EXPECT_EQ(Decode(encoder.bytes(), INT32_MIN).units(), 3u) << value;
  }
}

TEST(LocationTable, EveryRandomTableIsSurvived) {
  std::mt19937 random(1);
  for (int round = 0; round < 100'000; ++round) {
    std::string bytes(1 + random() % 12, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    bytes[0] = static_cast<char>(bytes[0] | 0x80);
    EXPECT_LE(Decode(bytes).units(), bytes.size() * 8);
  }
}

}  // namespace
}  // namespace pyprof::test
