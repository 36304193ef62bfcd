#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "memory/remote_memory.h"
#include "runtime/layout.h"
#include "values/value.h"
#include "values/value_reader.h"

namespace pyprof {

/// What a variable is in its frame. Names in src/sampling/value.ts.
enum class VariableKind : uint8_t {
  kArgument,
  kLocal,
  /// A local variable that inner functions use too; one of an enclosing function.
  kCell,
  kFree,
  /// In the namespace of a module or class body.
  kName,
};

struct Variable {
  std::string name;
  VariableKind kind;
  /// Kind kUnbound: it has no value.
  Value value;
};

/// The variables of one frame.
struct FrameVariables {
  /// In the order of the code object: arguments first.
  std::vector<Variable> variables;
  /// Of a module or class body: how many names were left out, being modules, functions, classes or
  /// names of Python's own, or too many.
  uint64_t omitted = 0;
  /// False when the frame could not be read.
  bool readable = false;
};

/// Reads the arguments and local variables of the frame at the address.
///
/// From `co_argcount` on `co_posonlyargcount` and `co_kwonlyargcount` follow, and `co_flags` is in
/// front of it; the namespace of a body stands two words before a frame's `instr_ptr`
/// (Include/cpython/code.h, Include/internal/pycore_interpframe_structs.h: the same in 3.13 to
/// 3.15). Both are used only for what is found there to be a dict, or to fit the names.
FrameVariables ReadVariables(RemoteMemory* memory, const Layout& layout, ValueReader* values,
                             uint64_t frame);

}  // namespace pyprof
