#include "runtime/debug_offsets.h"

#include <cstring>
#include <initializer_list>
#include <vector>

namespace pyprof {
namespace {

/// PyInterpreterState is 220 KiB and the largest; an object's fixed part is a few hundred bytes.
constexpr uint64_t kMaxStateSize = 4 << 20;
constexpr uint64_t kMaxObjectSize = 4096;
/// Bound for offsets into structures whose size is not published.
constexpr uint64_t kMaxLooseOffset = 4096;

/// One word of the table.
struct Field {
  const char* name;
  uint64_t* value;
  /// Size of the structure that the offset points into; null when it is not published.
  const uint64_t* within;
  /// Width in bytes of what stands at the offset; 0 when the word is a size and not an offset.
  uint64_t width;
  /// Of a size: the largest allowed.
  uint64_t max_size;
};

using Fields = std::vector<Field>;

/// The table's words after cookie, version and free_threaded, in order. Sections and fields that
/// a version lacks are left out; the order never changed between 3.13 and 3.15.
Fields FieldsOf(Layout& l, int minor) {
  Fields out;
  const bool v14 = minor >= 14;
  const bool v15 = minor >= 15;
  const auto size = [&out](const char* name, uint64_t& value, uint64_t max = kMaxObjectSize) {
    out.push_back({name, &value, nullptr, 0, max});
  };
  const auto at = [&out](const char* name, uint64_t& value, const uint64_t* within,
                         uint64_t width = 8) { out.push_back({name, &value, within, width, 0}); };

  const uint64_t* in = &l.runtime.size;
  size("runtime_state.size", l.runtime.size, kMaxStateSize);
  at("runtime_state.finalizing", l.runtime.finalizing, in);
  at("runtime_state.interpreters_head", l.runtime.interpreters_head, in);

  in = &l.interpreter.size;
  size("interpreter_state.size", l.interpreter.size, kMaxStateSize);
  at("interpreter_state.id", l.interpreter.id, in);
  at("interpreter_state.next", l.interpreter.next, in);
  at("interpreter_state.threads_head", l.interpreter.threads_head, in);
  if (v14) at("interpreter_state.threads_main", l.interpreter.threads_main, in);
  at("interpreter_state.gc", l.interpreter.gc, in);
  at("interpreter_state.imports_modules", l.interpreter.imports_modules, in);
  at("interpreter_state.sysdict", l.interpreter.sysdict, in);
  at("interpreter_state.builtins", l.interpreter.builtins, in);
  at("interpreter_state.ceval_gil", l.interpreter.ceval_gil, in);
  at("interpreter_state.gil_runtime_state", l.interpreter.gil_runtime_state, in, 4);
  at("interpreter_state.gil_runtime_state_enabled", l.interpreter.gil_enabled, in, 4);
  at("interpreter_state.gil_runtime_state_locked", l.interpreter.gil_locked, in, 4);
  at("interpreter_state.gil_runtime_state_holder", l.interpreter.gil_holder, in);
  if (v14) {
    at("interpreter_state.code_object_generation", l.interpreter.code_object_generation, in);
    at("interpreter_state.tlbc_generation", l.interpreter.tlbc_generation, in, 4);
  }

  in = &l.thread.size;
  size("thread_state.size", l.thread.size, kMaxStateSize);
  at("thread_state.prev", l.thread.prev, in);
  at("thread_state.next", l.thread.next, in);
  at("thread_state.interp", l.thread.interp, in);
  at("thread_state.current_frame", l.thread.current_frame, in);
  if (v15) {
    at("thread_state.base_frame", l.thread.base_frame, in);
    at("thread_state.last_profiled_frame", l.thread.last_profiled_frame, in);
    at("thread_state.last_profiled_frame_seq", l.thread.last_profiled_frame_seq, in);
  }
  at("thread_state.thread_id", l.thread.thread_id, in);
  at("thread_state.native_thread_id", l.thread.native_thread_id, in);
  at("thread_state.datastack_chunk", l.thread.datastack_chunk, in);
  at("thread_state.status", l.thread.status, in, 4);
  if (v15) {
    at("thread_state.holds_gil", l.thread.holds_gil, in, 4);
    at("thread_state.gil_requested", l.thread.gil_requested, in, 4);
    at("thread_state.current_exception", l.thread.current_exception, in);
    at("thread_state.exc_state", l.thread.exc_state, in);
    at("err_stackitem.exc_value", l.err_stackitem.exc_value, nullptr);
  }

  in = &l.frame.size;
  size("interpreter_frame.size", l.frame.size);
  at("interpreter_frame.previous", l.frame.previous, in);
  at("interpreter_frame.executable", l.frame.executable, in);
  at("interpreter_frame.instr_ptr", l.frame.instr_ptr, in);
  at("interpreter_frame.localsplus", l.frame.localsplus, in);
  at("interpreter_frame.owner", l.frame.owner, in, 1);
  if (v14) {
    at("interpreter_frame.stackpointer", l.frame.stackpointer, in);
    at("interpreter_frame.tlbc_index", l.frame.tlbc_index, in, 4);
  }

  in = &l.code.size;
  size("code_object.size", l.code.size);
  at("code_object.filename", l.code.filename, in);
  at("code_object.name", l.code.name, in);
  at("code_object.qualname", l.code.qualname, in);
  at("code_object.linetable", l.code.linetable, in);
  at("code_object.firstlineno", l.code.firstlineno, in, 4);
  at("code_object.argcount", l.code.argcount, in, 4);
  at("code_object.localsplusnames", l.code.localsplusnames, in);
  at("code_object.localspluskinds", l.code.localspluskinds, in);
  at("code_object.co_code_adaptive", l.code.co_code_adaptive, in, 2);
  if (v14) at("code_object.co_tlbc", l.code.co_tlbc, in);

  size("pyobject.size", l.object.size);
  at("pyobject.ob_type", l.object.ob_type, &l.object.size);

  in = &l.type.size;
  size("type_object.size", l.type.size);
  at("type_object.tp_name", l.type.tp_name, in);
  at("type_object.tp_repr", l.type.tp_repr, in);
  at("type_object.tp_flags", l.type.tp_flags, in);
  if (v15) {
    at("type_object.tp_basicsize", l.type.tp_basicsize, in);
    at("type_object.tp_dictoffset", l.type.tp_dictoffset, in);
    size("heap_type_object.size", l.heap_type.size);
    at("heap_type_object.ht_cached_keys", l.heap_type.ht_cached_keys, &l.heap_type.size);
  }

  // An empty variable-size object may end before its items, so these offsets may equal the size.
  size("tuple_object.size", l.tuple.size);
  at("tuple_object.ob_item", l.tuple.ob_item, nullptr);
  at("tuple_object.ob_size", l.tuple.ob_size, &l.tuple.size);
  size("list_object.size", l.list.size);
  at("list_object.ob_item", l.list.ob_item, &l.list.size);
  at("list_object.ob_size", l.list.ob_size, &l.list.size);
  if (v14) {
    size("set_object.size", l.set.size);
    at("set_object.used", l.set.used, &l.set.size);
    at("set_object.table", l.set.table, &l.set.size);
    at("set_object.mask", l.set.mask, &l.set.size);
  }
  size("dict_object.size", l.dict.size);
  at("dict_object.ma_keys", l.dict.ma_keys, &l.dict.size);
  at("dict_object.ma_values", l.dict.ma_values, &l.dict.size);
  size("float_object.size", l.float_.size);
  at("float_object.ob_fval", l.float_.ob_fval, &l.float_.size);
  size("long_object.size", l.long_.size);
  at("long_object.lv_tag", l.long_.lv_tag, &l.long_.size);
  at("long_object.ob_digit", l.long_.ob_digit, nullptr, 4);
  size("bytes_object.size", l.bytes.size);
  at("bytes_object.ob_size", l.bytes.ob_size, &l.bytes.size);
  at("bytes_object.ob_sval", l.bytes.ob_sval, nullptr, 1);

  in = &l.unicode.size;
  size("unicode_object.size", l.unicode.size);
  at("unicode_object.state", l.unicode.state, in, 4);
  at("unicode_object.length", l.unicode.length, in);
  size("unicode_object.asciiobject_size", l.unicode.asciiobject_size);
  if (v15) size("unicode_object.compactunicodeobject_size", l.unicode.compactunicodeobject_size);

  in = &l.gc.size;
  size("gc.size", l.gc.size, kMaxStateSize);
  at("gc.collecting", l.gc.collecting, in, 4);
  if (v15) {
    at("gc.frame", l.gc.frame, in);
    size("gc.generation_stats_size", l.gc.generation_stats_size, kMaxStateSize);
    at("gc.generation_stats", l.gc.generation_stats, in);
  }
  if (!v14) return out;

  in = &l.generator.size;
  size("gen_object.size", l.generator.size);
  at("gen_object.gi_name", l.generator.gi_name, in);
  at("gen_object.gi_iframe", l.generator.gi_iframe, in);
  at("gen_object.gi_frame_state", l.generator.gi_frame_state, in, 1);
  at("llist_node.next", l.llist.next, nullptr);
  at("llist_node.prev", l.llist.prev, nullptr);
  at("debugger_support.eval_breaker", l.debugger.eval_breaker, &l.thread.size);
  at("debugger_support.remote_debugger_support", l.debugger.remote_debugger_support, &l.thread.size,
     4);
  at("debugger_support.remote_debugging_enabled", l.debugger.remote_debugging_enabled,
     &l.interpreter.size, 4);
  at("debugger_support.debugger_pending_call", l.debugger.pending_call, nullptr, 4);
  at("debugger_support.debugger_script_path", l.debugger.script_path, nullptr, 1);
  size("debugger_support.debugger_script_path_size", l.debugger.script_path_size);
  return out;
}

constexpr size_t kHeaderWords = 3;  // cookie, version, free_threaded

uint64_t Word(std::span<const std::byte> table, size_t index) {
  uint64_t value = 0;
  std::memcpy(&value, table.data() + index * sizeof(value), sizeof(value));
  return value;
}

bool Valid(const Field& field) {
  const uint64_t value = *field.value;
  if (field.width == 0) return value <= field.max_size;
  if (value % field.width != 0) return false;
  if (field.within == nullptr) return value <= kMaxLooseOffset;
  return value <= *field.within && *field.within - value >= field.width;
}

/// Whether the structures that every sample reads are there at all.
bool Complete(const Layout& l) {
  for (const uint64_t needed : {l.runtime.interpreters_head,
                                l.interpreter.next,
                                l.interpreter.threads_head,
                                l.thread.next,
                                l.thread.interp,
                                l.thread.current_frame,
                                l.thread.native_thread_id,
                                l.thread.datastack_chunk,
                                l.frame.previous,
                                l.frame.instr_ptr,
                                l.frame.localsplus,
                                l.frame.owner,
                                l.code.filename,
                                l.code.qualname,
                                l.code.linetable,
                                l.code.firstlineno,
                                l.code.co_code_adaptive,
                                l.object.ob_type,
                                l.type.tp_name,
                                l.bytes.ob_size,
                                l.bytes.ob_sval,
                                l.unicode.state,
                                l.unicode.length,
                                l.unicode.asciiobject_size}) {
    if (needed == 0) return false;
  }
  // The words before co_firstlineno that are read with it (native/code/code_table.cc).
  if (l.code.firstlineno < 20) return false;
  return l.interpreter.gc + l.gc.size <= l.interpreter.size;
}

}  // namespace

std::string VersionText(uint32_t hex) {
  std::string text = std::to_string(hex >> 24) + "." + std::to_string((hex >> 16) & 0xff) + "." +
                     std::to_string((hex >> 8) & 0xff);
  const uint32_t level = (hex >> 4) & 0xf;
  const std::string serial = std::to_string(hex & 0xf);
  if (level == 0xa) text += "a" + serial;
  if (level == 0xb) text += "b" + serial;
  if (level == 0xc) text += "rc" + serial;
  return text;
}

std::string Layout::Version() const { return VersionText(version_hex); }

size_t DebugOffsetsSize(int minor) {
  switch (minor) {
    case 13:
      return 584;
    case 14:
      return 760;
    case 15:
      return 888;
    default:
      return 0;
  }
}

OffsetsResult ParseDebugOffsets(std::span<const std::byte> table) {
  OffsetsResult result{OffsetsStatus::kNoCookie, {}, ""};
  if (table.size() < kHeaderWords * 8 || std::memcmp(table.data(), kDebugCookie, 8) != 0) {
    return result;
  }
  Layout& layout = result.layout;
  layout.version_hex = static_cast<uint32_t>(Word(table, 1));
  layout.free_threaded = Word(table, 2) != 0;

  // Pre-releases before rc1 moved fields without changing the minor version.
  const bool settled = ((layout.version_hex >> 4) & 0xf) >= 0xc;
  const size_t size = layout.version_hex >> 24 == 3 ? DebugOffsetsSize(layout.Minor()) : 0;
  if (size == 0 || !settled || table.size() < size) {
    result.status = OffsetsStatus::kUnsupportedVersion;
    result.detail = layout.Version();
    return result;
  }

  const Fields fields = FieldsOf(layout, layout.Minor());
  if ((fields.size() + kHeaderWords) * 8 != size) {
    result.status = OffsetsStatus::kBadField;
    result.detail = "field list and table size differ";
    return result;
  }
  for (size_t i = 0; i < fields.size(); ++i) *fields[i].value = Word(table, i + kHeaderWords);
  for (const Field& field : fields) {
    if (Valid(field)) continue;
    result.status = OffsetsStatus::kBadField;
    result.detail = std::string(field.name) + " is " + std::to_string(*field.value);
    return result;
  }
  if (!Complete(layout)) {
    result.status = OffsetsStatus::kBadField;
    result.detail = "a needed field is missing";
    return result;
  }
  if (layout.unicode.compactunicodeobject_size == 0) {
    // Not published before 3.15: PyASCIIObject followed by utf8_length and utf8 (8 bytes each).
    layout.unicode.compactunicodeobject_size = layout.unicode.asciiobject_size + 16;
  }
  result.status = OffsetsStatus::kOk;
  return result;
}

}  // namespace pyprof
