#pragma once

#include <cstdint>
#include <string>

namespace pyprof {

/// Offsets and sizes, in bytes, of CPython's internal structures as one running interpreter
/// publishes them in `_Py_DebugOffsets` (Include/internal/pycore_debug_offsets.h), after
/// validation. A member is 0 when this version does not publish it. Names follow CPython's.
struct Layout {
  uint32_t version_hex = 0;  // PY_VERSION_HEX
  bool free_threaded = false;

  struct {
    uint64_t size, finalizing, interpreters_head;
  } runtime{};
  struct {
    uint64_t size, id, next, threads_head, threads_main, gc, imports_modules, sysdict, builtins,
        ceval_gil, gil_runtime_state, gil_enabled, gil_locked, gil_holder, code_object_generation,
        tlbc_generation;
  } interpreter{};
  struct {
    uint64_t size, prev, next, interp, current_frame, base_frame, last_profiled_frame,
        last_profiled_frame_seq, thread_id, native_thread_id, datastack_chunk, status, holds_gil,
        gil_requested, current_exception, exc_state;
  } thread{};
  struct {
    uint64_t exc_value;
  } err_stackitem{};
  struct {
    uint64_t size, previous, executable, instr_ptr, localsplus, owner, stackpointer, tlbc_index;
  } frame{};
  struct {
    uint64_t size, filename, name, qualname, linetable, firstlineno, argcount, localsplusnames,
        localspluskinds, co_code_adaptive, co_tlbc;
  } code{};
  struct {
    uint64_t size, ob_type;
  } object{};
  struct {
    uint64_t size, tp_name, tp_repr, tp_flags, tp_basicsize, tp_dictoffset;
  } type{};
  struct {
    uint64_t size, ht_cached_keys;
  } heap_type{};
  struct {
    uint64_t size, ob_item, ob_size;
  } tuple{}, list{};
  struct {
    uint64_t size, used, table, mask;
  } set{};
  struct {
    uint64_t size, ma_keys, ma_values;
  } dict{};
  struct {
    uint64_t size, ob_fval;
  } float_{};
  struct {
    uint64_t size, lv_tag, ob_digit;
  } long_{};
  struct {
    uint64_t size, ob_size, ob_sval;
  } bytes{};
  struct {
    uint64_t size, state, length, asciiobject_size, compactunicodeobject_size;
  } unicode{};
  struct {
    uint64_t size, collecting, frame, generation_stats_size, generation_stats;
  } gc{};
  struct {
    uint64_t size, gi_name, gi_iframe, gi_frame_state;
  } generator{};
  struct {
    uint64_t next, prev;
  } llist{};
  struct {
    uint64_t eval_breaker, remote_debugger_support, remote_debugging_enabled, pending_call,
        script_path, script_path_size;
  } debugger{};

  int Minor() const { return static_cast<int>((version_hex >> 16) & 0xff); }
  /// `3.14.10`, `3.15.0rc1`.
  std::string Version() const;
};

/// Text of a PY_VERSION_HEX.
std::string VersionText(uint32_t hex);

}  // namespace pyprof
