#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace pyprof {

/// `repr(value)` of a Python float: the shortest digits that are read back as the same value,
/// with an exponent below 1e-4 and from 1e16 on.
std::string FloatText(double value);

/// `repr(complex(real, imaginary))`.
std::string ComplexText(double real, double imaginary);

/// Digits of a number that is given by digits of 30 bits, the least significant first, as CPython
/// keeps it (Include/cpython/longintrepr.h). Takes time in the square of their number.
std::string DecimalText(std::span<const uint32_t> digits);

/// Its length in bits.
uint64_t BitLength(std::span<const uint32_t> digits);

}  // namespace pyprof
