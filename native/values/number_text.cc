#include "values/number_text.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace pyprof {
namespace {

constexpr int kDigitBits = 30;
/// Decimal digits that are split off at once: the largest power of ten below 2**30.
constexpr uint32_t kChunk = 1'000'000'000;
constexpr size_t kChunkDigits = 9;

/// As `FloatText`, but without the `.0` of a whole number.
std::string ShortText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  std::string sign;
  if (text.starts_with('-')) {
    sign = "-";
    text.remove_prefix(1);
  }
  const size_t e = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  const auto count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    std::string out = sign + digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    std::string power = std::to_string(std::abs(exponent));
    if (power.size() < 2) power.insert(0, "0");
    return out + "e" + (exponent < 0 ? "-" : "+") + power;
  }
  if (exponent < 0) {
    return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  }
  if (count <= exponent + 1) {
    return sign + digits + std::string(static_cast<size_t>(exponent + 1 - count), '0');
  }
  return sign + digits.substr(0, static_cast<size_t>(exponent) + 1) + "." +
         digits.substr(static_cast<size_t>(exponent) + 1);
}

}  // namespace

std::string FloatText(double value) {
  std::string text = ShortText(value);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

std::string ComplexText(double real, double imaginary) {
  const std::string part = ShortText(imaginary);
  if (real == 0 && !std::signbit(real)) return part + "j";
  std::string text(1, '(');
  text.append(ShortText(real)).append(part.starts_with('-') ? "" : "+");
  return text.append(part).append("j)");
}

std::string DecimalText(std::span<const uint32_t> digits) {
  std::vector<uint32_t> rest(digits.begin(), digits.end());
  std::string text;
  while (!rest.empty()) {
    uint64_t remainder = 0;
    for (size_t i = rest.size(); i-- > 0;) {
      const uint64_t value = remainder << kDigitBits | rest[i];
      rest[i] = static_cast<uint32_t>(value / kChunk);
      remainder = value % kChunk;
    }
    while (!rest.empty() && rest.back() == 0) rest.pop_back();
    for (size_t i = 0; i < kChunkDigits; ++i) {
      text.push_back(static_cast<char>('0' + remainder % 10));
      remainder /= 10;
    }
  }
  while (text.size() > 1 && text.back() == '0') text.pop_back();
  if (text.empty()) text.push_back('0');
  std::reverse(text.begin(), text.end());
  return text;
}

uint64_t BitLength(std::span<const uint32_t> digits) {
  while (!digits.empty() && digits.back() == 0) digits = digits.first(digits.size() - 1);
  if (digits.empty()) return 0;
  return (digits.size() - 1) * kDigitBits + static_cast<uint64_t>(std::bit_width(digits.back()));
}

}  // namespace pyprof
