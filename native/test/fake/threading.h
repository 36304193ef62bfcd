#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "test/fake/python.h"

namespace pyprof::test {

/// The `threading` module of one interpreter of a fake Python, as far as it tells threads' names:
/// sys.modules['threading']._active, a dict of Thread objects by their identifier.
class FakeThreading {
 public:
  explicit FakeThreading(FakePython* python) : FakeThreading(python, python->main_interpreter()) {}
  FakeThreading(FakePython* python, uint64_t interpreter);

  /// Registers a Thread; its address.
  uint64_t Register(uint64_t python_id, uint64_t native_id, std::u32string_view name,
                    bool is_main = false);
  void Unregister(uint64_t object);

  /// Takes the values of a Thread's attributes out of it, into a dict, as `thread.__dict__` does.
  void Materialize(uint64_t object);
  /// Addresses of a Thread's attributes.
  uint64_t NameSlot(uint64_t object) const;
  uint64_t IdentSlot(uint64_t object) const;

  uint64_t Int(uint64_t value);

 private:
  using Items = std::vector<std::pair<uint64_t, uint64_t>>;

  uint64_t ThreadClass(std::string_view name);
  uint64_t Keys(const Items& items, bool split);
  uint64_t Dict(const Items& items);
  void Publish();

  FakePython* python_;
  uint64_t interpreter_;
  uint64_t dict_type_;
  uint64_t int_type_;
  uint64_t module_type_;
  std::vector<uint64_t> attributes_;  // str objects
  uint64_t thread_class_;
  uint64_t main_class_;
  Items active_;  // int, Thread
};

}  // namespace pyprof::test
