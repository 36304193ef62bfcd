#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pyprof::test {

/// Makes the bytes of a 64-bit ELF core file.
struct FakeCore {
  struct Segment {
    uint64_t address;
    uint64_t size;
    /// The bytes that are in the core; the rest was left out.
    std::string bytes;
  };
  struct File {
    uint64_t start;
    uint64_t end;
    uint64_t page;
    std::string path;
  };
  struct Thread {
    int32_t tid;
    int64_t system_call;
    uint64_t first_argument;
  };

  std::vector<Segment> segments = {};
  std::vector<File> files = {};
  std::vector<Thread> threads = {};
  std::string command = "python3 app.py";
  int32_t pid = 42;
  int16_t signal = 11;

  std::string Bytes() const;
};

}  // namespace pyprof::test
