#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "memory/remote_memory.h"
#include "objects/attributes.h"
#include "objects/dict.h"
#include "objects/types.h"
#include "runtime/find_runtime.h"

namespace pyprof {

/// A thread as the `threading` module of some interpreter knows it.
struct PythonThread {
  uint64_t python_id;  // threading.get_ident()
  uint64_t native_id;  // threading.get_native_id()
  /// Of the class `_MainThread`. Its `native_id` is that of whoever imported `threading`.
  bool is_main;
  std::string name;
};

/// Reads the threads that `threading` has registered, in the main interpreter and all others.
class PythonThreads {
 public:
  PythonThreads(RemoteMemory* memory, const Runtime& runtime);
  PythonThreads(const PythonThreads&) = delete;
  PythonThreads& operator=(const PythonThreads&) = delete;

  /// Main interpreter first. A thread that changed while it was read is left out: what is returned
  /// was found the same twice in a row.
  std::vector<PythonThread> Read();

 private:
  /// Where an interpreter's `threading._active` was found last.
  struct Hints {
    size_t module = 0;
    size_t active = 0;
  };
  /// All that a thread's name is concluded from; two that are equal were read from the same thread.
  struct Reading {
    uint64_t key;
    uint64_t object;
    uint64_t name_object;
    uint64_t native_id_object;
    PythonThread thread;

    bool operator==(const Reading& other) const;
  };

  std::vector<uint64_t> Interpreters();
  std::vector<DictItem> Active(uint64_t interpreter, Hints* hints);
  std::vector<std::optional<Reading>> ReadThreads(const std::vector<DictItem>& active);

  RemoteMemory* memory_;
  const Runtime runtime_;
  const Layout& layout_;
  Types types_;
  Dicts dicts_;
  Attributes attributes_;
  std::unordered_map<uint64_t, Hints> hints_;  // by interpreter
};

}  // namespace pyprof
