#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "test/fake/python.h"

namespace pyprof::test {

/// Changes words of a fake Python while it is read: before each range that a reader copies, some
/// word that is not zero gets another value or its old one, or a page is unmapped or comes back.
/// What CPython never changes is left alone. The same seed does the same.
class Adversary {
 public:
  Adversary(FakePython* python, uint64_t seed);

  /// Begins; each range is preceded by a change with this probability, in percent.
  void Start(unsigned percent);
  /// Ends, and makes all memory as it was when this object was made.
  void Stop();

 private:
  void Change();
  void RestoreWord();
  void Unmap(uint64_t page);
  void RestorePage();
  uint64_t Value(uint64_t old);
  uint64_t Random(uint64_t below) { return random_() % below; }

  FakePython* python_;
  std::mt19937_64 random_;
  std::vector<uint64_t> words_;               // addresses of words that are not zero
  std::map<uint64_t, uint64_t> originals_;    // by address
  std::map<uint64_t, std::string> unmapped_;  // pages
};

}  // namespace pyprof::test
