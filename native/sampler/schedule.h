#pragma once

#include <cstdint>

namespace pyprof {

/// When to sample, on an absolute clock. The gap between two ticks is drawn anew each time, evenly
/// from half to one and a half of the interval, so that a target with a rhythm of its own is
/// not met at the same point of it again and again. Times are ns.
class Schedule {
 public:
  Schedule(uint64_t origin, uint64_t interval, uint64_t seed)
      : interval_(interval), state_(seed), last_(origin), next_(origin + Gap()) {}

  uint64_t next() const { return next_; }

  struct Tick {
    /// The time that a sample taken now stands for.
    uint64_t weight;
    /// Time in which `missed` ticks were due and nothing was read; it follows on the last sample's.
    uint64_t gap;
    uint64_t missed;
  };

  /// The tick at next() is taken at `now`, which is not before it. Ticks that have passed too are
  /// missed, never made up for: weight + gap is all the time since the last tick.
  Tick Take(uint64_t now) {
    Tick tick{0, 0, 0};
    const uint64_t due = next_;
    next_ += Gap();
    while (next_ <= now) {
      ++tick.missed;
      next_ += Gap();
    }
    tick.gap = tick.missed > 0 ? now - due : 0;
    tick.weight = now - last_ - tick.gap;
    last_ = now;
    return tick;
  }

  /// Time in which nothing is to be read is no part of any gap between two ticks: what is left of
  /// the one in hand follows behind it. So regions that are shorter than a gap get their share too.
  void Shift(uint64_t time) {
    last_ += time;
    next_ += time;
  }

  /// No sample will stand for the time since the last tick.
  /// @returns that time
  uint64_t Skip(uint64_t now) {
    const uint64_t skipped = now - last_;
    last_ = now;
    return skipped;
  }

 private:
  /// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough for a jitter.
  uint64_t Random() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  uint64_t Gap() {
    const double part = static_cast<double>(Random() >> 11) * 0x1.0p-53;
    const auto gap = static_cast<uint64_t>(static_cast<double>(interval_) * (0.5 + part));
    return gap > 0 ? gap : 1;
  }

  uint64_t interval_;
  uint64_t state_;
  uint64_t last_;
  uint64_t next_;
};

}  // namespace pyprof
