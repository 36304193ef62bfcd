#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

namespace pyprof {

/// The value that stands in copied memory, aligned or not.
template <typename T>
  requires std::is_trivially_copyable_v<T>
T Load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

}  // namespace pyprof
