#pragma once

#include <cstdint>

#include "memory/clock.h"

namespace pyprof {

/// Keeps work that a sampler can do without to a share of its time: what took t is not due again
/// before 50 t have passed, so it takes 2 % at most.
class WorkLimit {
 public:
  bool Ready() const { return Now() >= not_before_; }

  template <typename Work>
  void Run(const Work& work) {
    const uint64_t start = Now();
    work();
    const uint64_t end = Now();
    not_before_ = end + kPause * (end - start);
  }

 private:
  static constexpr uint64_t kPause = 50;
  uint64_t not_before_ = 0;
};

}  // namespace pyprof
