#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fuzz/input.h"
#include "test/fake/python.h"
#include "test/fake/threading.h"

namespace pyprof::fuzz {

using test::FakeMemory;
using test::FakePython;

/// A fake Python that can be made as it was again. Building one takes longer than reading it.
class Scene {
 public:
  /// The one of this minor version; it lives as long as the fuzzer.
  static Scene& Of(int minor) {
    static std::array<std::unique_ptr<Scene>, 3> scenes;
    auto& scene = scenes[static_cast<size_t>(minor - 13)];
    if (scene == nullptr) scene = std::make_unique<Scene>(minor);
    return *scene;
  }

  /// @param add what else there is in it
  explicit Scene(int minor, const std::function<void(FakePython*)>& add = {}) : python_(minor) {
    using test::FakeThread;
    FakeThread& main = python_.AddThread("main").Enter().Call("<module>").Call("serve");
    main.Recurse("down", 170).Resume(python_.Generator("rows")).Call("leaf");
    FakeThread& worker = python_.AddThread("worker").Enter().Call("run");
    worker.Resume(python_.Generator("task"))
        .Enter()
        .Call("step")
        .Resume(python_.Generator("inner"));
    python_.AddThread("native");
    python_.AddThread("sub", python_.AddInterpreter(1)).Enter().Call("job").Call("work");
    test::FakeThreading threading(&python_);
    threading.Register(1, test::FakePython::kFirstNativeId, U"MainThread", true);
    threading.Materialize(threading.Register(2, 4712, U"worker"));
    if (add) add(&python_);
    FakeMemory& memory = python_.memory();
    for (const uint64_t page : memory.Pages()) {
      for (uint64_t at = page; at < page + FakeMemory::kPage; at += 8) {
        if (memory.Get<uint64_t>(at) != 0) words_.push_back(at);
      }
    }
  }

  FakePython& python() { return python_; }
  uint64_t Word(uint64_t index) const { return words_[index % words_.size()]; }

  void Put(uint64_t address, uint64_t value) {
    FakeMemory& memory = python_.memory();
    if (!memory.IsMapped(address)) return;
    changed_.try_emplace(address, memory.Get<uint64_t>(address));
    memory.Put(address, value);
  }
  uint64_t Get(uint64_t address) const {
    return python_.memory().IsMapped(address) ? python_.memory().Get<uint64_t>(address) : address;
  }
  void Unmap(uint64_t address) {
    FakeMemory& memory = python_.memory();
    if (!memory.IsMapped(address)) return;
    const uint64_t page = address / FakeMemory::kPage * FakeMemory::kPage;
    std::string& bytes = unmapped_[page];
    bytes.resize(FakeMemory::kPage);
    memory.Peek(page, bytes.data(), bytes.size());
    memory.Unmap(page, FakeMemory::kPage);
  }
  void MapAll() {
    for (const auto& [page, bytes] : unmapped_) {
      python_.memory().Map(page, FakeMemory::kPage);
      python_.memory().Write(page, bytes);
    }
    unmapped_.clear();
  }
  void Restore() {
    MapAll();
    for (const auto& [address, value] : changed_) python_.memory().Put(address, value);
    changed_.clear();
    python_.memory().OnRange({});
  }

 private:
  mutable FakePython python_;
  std::vector<uint64_t> words_;  // addresses of words that are not zero
  std::map<uint64_t, uint64_t> changed_;
  std::map<uint64_t, std::string> unmapped_;
};

/// One change of the target's memory.
struct Change {
  uint8_t kind;
  uint16_t word;
  uint64_t value;

  static Change Take(Input* input) {
    Change change{};
    change.kind = input->Take<uint8_t>();
    change.word = input->Take<uint16_t>();
    // Short numbers for what takes one, so that inputs stay small.
    change.value = change.kind % 8 == 0 || change.kind % 8 == 7 ? input->Take<uint64_t>()
                                                                : input->Take<uint16_t>();
    return change;
  }

  void Apply(Scene* scene) const {
    const uint64_t at = scene->Word(word);
    switch (kind % 8) {
      case 0:
        return scene->Put(at, value);
      case 1:
        return scene->Put(at, scene->Word(value));
      case 2:
        return scene->Put(at, scene->Get(scene->Word(value)));
      case 3:
        return scene->Put(at, scene->Get(at) + value - 128);
      case 4:
        return scene->Put(at, scene->Get(at) ^ uint64_t{1} << value % 64);
      case 5:
        return scene->Unmap(at);
      case 6:
        return scene->MapAll();
      case 7:  // a word at any place, aligned or not
        return scene->Put((at & ~uint64_t{4095}) + value % 4089, value >> 12);
    }
  }
};

}  // namespace pyprof::fuzz
