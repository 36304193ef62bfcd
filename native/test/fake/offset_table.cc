#include "test/fake/offset_table.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

namespace pyprof::test {
namespace {

constexpr OffsetWord kWords313[] = {
    {"runtime_state.size", 283408},
    {"runtime_state.finalizing", 608},
    {"runtime_state.interpreters_head", 632},
    {"interpreter_state.size", 194984},
    {"interpreter_state.id", 7272},
    {"interpreter_state.next", 7264},
    {"interpreter_state.threads_head", 7344},
    {"interpreter_state.gc", 7400},
    {"interpreter_state.imports_modules", 7656},
    {"interpreter_state.sysdict", 7640},
    {"interpreter_state.builtins", 7648},
    {"interpreter_state.ceval_gil", 16},
    {"interpreter_state.gil_runtime_state", 7752},
    {"interpreter_state.gil_runtime_state_enabled", 0},
    {"interpreter_state.gil_runtime_state_locked", 7768},
    {"interpreter_state.gil_runtime_state_holder", 7760},
    {"thread_state.size", 312},
    {"thread_state.prev", 0},
    {"thread_state.next", 8},
    {"thread_state.interp", 16},
    {"thread_state.current_frame", 72},
    {"thread_state.thread_id", 152},
    {"thread_state.native_thread_id", 160},
    {"thread_state.datastack_chunk", 232},
    {"thread_state.status", 32},
    {"interpreter_frame.size", 80},
    {"interpreter_frame.previous", 8},
    {"interpreter_frame.executable", 0},
    {"interpreter_frame.instr_ptr", 56},
    {"interpreter_frame.localsplus", 72},
    {"interpreter_frame.owner", 70},
    {"code_object.size", 208},
    {"code_object.filename", 112},
    {"code_object.name", 120},
    {"code_object.qualname", 128},
    {"code_object.linetable", 136},
    {"code_object.firstlineno", 68},
    {"code_object.argcount", 52},
    {"code_object.localsplusnames", 96},
    {"code_object.localspluskinds", 104},
    {"code_object.co_code_adaptive", 200},
    {"pyobject.size", 16},
    {"pyobject.ob_type", 8},
    {"type_object.size", 416},
    {"type_object.tp_name", 24},
    {"type_object.tp_repr", 88},
    {"type_object.tp_flags", 168},
    {"tuple_object.size", 32},
    {"tuple_object.ob_item", 24},
    {"tuple_object.ob_size", 16},
    {"list_object.size", 40},
    {"list_object.ob_item", 24},
    {"list_object.ob_size", 16},
    {"dict_object.size", 48},
    {"dict_object.ma_keys", 32},
    {"dict_object.ma_values", 40},
    {"float_object.size", 24},
    {"float_object.ob_fval", 16},
    {"long_object.size", 32},
    {"long_object.lv_tag", 16},
    {"long_object.ob_digit", 24},
    {"bytes_object.size", 40},
    {"bytes_object.ob_size", 16},
    {"bytes_object.ob_sval", 32},
    {"unicode_object.size", 64},
    {"unicode_object.state", 32},
    {"unicode_object.length", 16},
    {"unicode_object.asciiobject_size", 40},
    {"gc.size", 240},
    {"gc.collecting", 200},
};

constexpr OffsetWord kWords314[] = {
    {"runtime_state.size", 316616},
    {"runtime_state.finalizing", 784},
    {"runtime_state.interpreters_head", 808},
    {"interpreter_state.size", 225864},
    {"interpreter_state.id", 7280},
    {"interpreter_state.next", 7272},
    {"interpreter_state.threads_head", 7344},
    {"interpreter_state.threads_main", 7360},
    {"interpreter_state.gc", 7408},
    {"interpreter_state.imports_modules", 7688},
    {"interpreter_state.sysdict", 7672},
    {"interpreter_state.builtins", 7680},
    {"interpreter_state.ceval_gil", 16},
    {"interpreter_state.gil_runtime_state", 7784},
    {"interpreter_state.gil_runtime_state_enabled", 0},
    {"interpreter_state.gil_runtime_state_locked", 7800},
    {"interpreter_state.gil_runtime_state_holder", 7792},
    {"interpreter_state.code_object_generation", 7992},
    {"interpreter_state.tlbc_generation", 0},
    {"thread_state.size", 832},
    {"thread_state.prev", 0},
    {"thread_state.next", 8},
    {"thread_state.interp", 16},
    {"thread_state.current_frame", 72},
    {"thread_state.thread_id", 152},
    {"thread_state.native_thread_id", 160},
    {"thread_state.datastack_chunk", 232},
    {"thread_state.status", 32},
    {"interpreter_frame.size", 88},
    {"interpreter_frame.previous", 8},
    {"interpreter_frame.executable", 0},
    {"interpreter_frame.instr_ptr", 56},
    {"interpreter_frame.localsplus", 80},
    {"interpreter_frame.owner", 74},
    {"interpreter_frame.stackpointer", 64},
    {"interpreter_frame.tlbc_index", 0},
    {"code_object.size", 216},
    {"code_object.filename", 112},
    {"code_object.name", 120},
    {"code_object.qualname", 128},
    {"code_object.linetable", 136},
    {"code_object.firstlineno", 68},
    {"code_object.argcount", 52},
    {"code_object.localsplusnames", 96},
    {"code_object.localspluskinds", 104},
    {"code_object.co_code_adaptive", 208},
    {"code_object.co_tlbc", 0},
    {"pyobject.size", 16},
    {"pyobject.ob_type", 8},
    {"type_object.size", 416},
    {"type_object.tp_name", 24},
    {"type_object.tp_repr", 88},
    {"type_object.tp_flags", 168},
    {"tuple_object.size", 40},
    {"tuple_object.ob_item", 32},
    {"tuple_object.ob_size", 16},
    {"list_object.size", 40},
    {"list_object.ob_item", 24},
    {"list_object.ob_size", 16},
    {"set_object.size", 200},
    {"set_object.used", 24},
    {"set_object.table", 40},
    {"set_object.mask", 32},
    {"dict_object.size", 48},
    {"dict_object.ma_keys", 32},
    {"dict_object.ma_values", 40},
    {"float_object.size", 24},
    {"float_object.ob_fval", 16},
    {"long_object.size", 32},
    {"long_object.lv_tag", 16},
    {"long_object.ob_digit", 24},
    {"bytes_object.size", 40},
    {"bytes_object.ob_size", 16},
    {"bytes_object.ob_sval", 32},
    {"unicode_object.size", 64},
    {"unicode_object.state", 32},
    {"unicode_object.length", 16},
    {"unicode_object.asciiobject_size", 40},
    {"gc.size", 264},
    {"gc.collecting", 192},
    {"gen_object.size", 160},
    {"gen_object.gi_name", 24},
    {"gen_object.gi_iframe", 72},
    {"gen_object.gi_frame_state", 67},
    {"llist_node.next", 0},
    {"llist_node.prev", 8},
    {"debugger_support.eval_breaker", 24},
    {"debugger_support.remote_debugger_support", 304},
    {"debugger_support.remote_debugging_enabled", 8076},
    {"debugger_support.debugger_pending_call", 0},
    {"debugger_support.debugger_script_path", 4},
    {"debugger_support.debugger_script_path_size", 512},
};

constexpr OffsetWord kWords315[] = {
    {"runtime_state.size", 346568},
    {"runtime_state.finalizing", 912},
    {"runtime_state.interpreters_head", 936},
    {"interpreter_state.size", 226240},
    {"interpreter_state.id", 7272},
    {"interpreter_state.next", 7264},
    {"interpreter_state.threads_head", 7336},
    {"interpreter_state.threads_main", 7352},
    {"interpreter_state.gc", 7400},
    {"interpreter_state.imports_modules", 7592},
    {"interpreter_state.sysdict", 7576},
    {"interpreter_state.builtins", 7584},
    {"interpreter_state.ceval_gil", 16},
    {"interpreter_state.gil_runtime_state", 7736},
    {"interpreter_state.gil_runtime_state_enabled", 0},
    {"interpreter_state.gil_runtime_state_locked", 7752},
    {"interpreter_state.gil_runtime_state_holder", 7744},
    {"interpreter_state.code_object_generation", 7944},
    {"interpreter_state.tlbc_generation", 0},
    {"thread_state.size", 888},
    {"thread_state.prev", 0},
    {"thread_state.next", 8},
    {"thread_state.interp", 16},
    {"thread_state.current_frame", 72},
    {"thread_state.base_frame", 80},
    {"thread_state.last_profiled_frame", 88},
    {"thread_state.last_profiled_frame_seq", 96},
    {"thread_state.thread_id", 176},
    {"thread_state.native_thread_id", 184},
    {"thread_state.datastack_chunk", 256},
    {"thread_state.status", 32},
    {"thread_state.holds_gil", 36},
    {"thread_state.gil_requested", 40},
    {"thread_state.current_exception", 136},
    {"thread_state.exc_state", 288},
    {"err_stackitem.exc_value", 0},
    {"interpreter_frame.size", 88},
    {"interpreter_frame.previous", 8},
    {"interpreter_frame.executable", 0},
    {"interpreter_frame.instr_ptr", 56},
    {"interpreter_frame.localsplus", 80},
    {"interpreter_frame.owner", 74},
    {"interpreter_frame.stackpointer", 64},
    {"interpreter_frame.tlbc_index", 0},
    {"code_object.size", 216},
    {"code_object.filename", 112},
    {"code_object.name", 120},
    {"code_object.qualname", 128},
    {"code_object.linetable", 136},
    {"code_object.firstlineno", 68},
    {"code_object.argcount", 52},
    {"code_object.localsplusnames", 96},
    {"code_object.localspluskinds", 104},
    {"code_object.co_code_adaptive", 208},
    {"code_object.co_tlbc", 0},
    {"pyobject.size", 16},
    {"pyobject.ob_type", 8},
    {"type_object.size", 424},
    {"type_object.tp_name", 24},
    {"type_object.tp_repr", 88},
    {"type_object.tp_flags", 168},
    {"type_object.tp_basicsize", 32},
    {"type_object.tp_dictoffset", 288},
    {"heap_type_object.size", 944},
    {"heap_type_object.ht_cached_keys", 888},
    {"tuple_object.size", 40},
    {"tuple_object.ob_item", 32},
    {"tuple_object.ob_size", 16},
    {"list_object.size", 40},
    {"list_object.ob_item", 24},
    {"list_object.ob_size", 16},
    {"set_object.size", 200},
    {"set_object.used", 24},
    {"set_object.table", 40},
    {"set_object.mask", 32},
    {"dict_object.size", 48},
    {"dict_object.ma_keys", 32},
    {"dict_object.ma_values", 40},
    {"float_object.size", 24},
    {"float_object.ob_fval", 16},
    {"long_object.size", 32},
    {"long_object.lv_tag", 16},
    {"long_object.ob_digit", 24},
    {"bytes_object.size", 40},
    {"bytes_object.ob_size", 16},
    {"bytes_object.ob_sval", 32},
    {"unicode_object.size", 64},
    {"unicode_object.state", 32},
    {"unicode_object.length", 16},
    {"unicode_object.asciiobject_size", 40},
    {"unicode_object.compactunicodeobject_size", 56},
    {"gc.size", 176},
    {"gc.collecting", 112},
    {"gc.frame", 120},
    {"gc.generation_stats_size", 1120},
    {"gc.generation_stats", 104},
    {"gen_object.size", 160},
    {"gen_object.gi_name", 24},
    {"gen_object.gi_iframe", 72},
    {"gen_object.gi_frame_state", 67},
    {"llist_node.next", 0},
    {"llist_node.prev", 8},
    {"debugger_support.eval_breaker", 24},
    {"debugger_support.remote_debugger_support", 344},
    {"debugger_support.remote_debugging_enabled", 8028},
    {"debugger_support.debugger_pending_call", 0},
    {"debugger_support.debugger_script_path", 4},
    {"debugger_support.debugger_script_path_size", 512},
};

struct Published {
  uint64_t version;
  std::span<const OffsetWord> words;
};

Published PublishedBy(int minor) {
  switch (minor) {
    case 13:
      return {0x030d12f0, kWords313};
    case 14:
      return {0x030e0af0, kWords314};
    default:
      return {0x030f02f0, kWords315};
  }
}

uint64_t Cookie() {
  uint64_t cookie = 0;
  std::memcpy(&cookie, "xdebugpy", sizeof(cookie));
  return cookie;
}

}  // namespace

OffsetTable::OffsetTable(int minor) {
  const Published published = PublishedBy(minor);
  words_ = {{"cookie", Cookie()}, {"version", published.version}, {"free_threaded", 0}};
  words_.insert(words_.end(), published.words.begin(), published.words.end());
}

bool OffsetTable::Has(std::string_view name) const {
  return std::any_of(words_.begin(), words_.end(),
                     [name](const OffsetWord& word) { return word.name == name; });
}

uint64_t& OffsetTable::operator[](std::string_view name) {
  for (OffsetWord& word : words_) {
    if (word.name == name) return word.value;
  }
  std::fprintf(stderr, "no word %s\n", std::string(name).c_str());
  std::abort();
}

void OffsetTable::MakeFreeThreaded() {
  (*this)["free_threaded"] = 1;
  for (OffsetWord& word : words_) {
    const std::string_view section = word.name.substr(0, word.name.find('.'));
    const bool is_object =
        section == "pyobject" || section == "type_object" || section == "heap_type_object" ||
        section == "code_object" || section == "tuple_object" || section == "list_object" ||
        section == "set_object" || section == "dict_object" || section == "float_object" ||
        section == "long_object" || section == "bytes_object" || section == "unicode_object" ||
        section == "gen_object";
    if (is_object) word.value += 16;
  }
  if (!Has("code_object.co_tlbc")) return;
  (*this)["code_object.co_tlbc"] = (*this)["code_object.co_code_adaptive"];
  (*this)["code_object.co_code_adaptive"] += 8;
  (*this)["code_object.size"] += 8;
  (*this)["interpreter_frame.tlbc_index"] = (*this)["interpreter_frame.owner"] - 2;
  (*this)["interpreter_frame.owner"] += 4;
  (*this)["interpreter_state.tlbc_generation"] =
      (*this)["interpreter_state.code_object_generation"] + 8;
}

std::vector<std::byte> OffsetTable::Bytes() const {
  std::vector<std::byte> bytes(words_.size() * sizeof(uint64_t));
  for (size_t i = 0; i < words_.size(); ++i) {
    std::memcpy(bytes.data() + i * sizeof(uint64_t), &words_[i].value, sizeof(uint64_t));
  }
  return bytes;
}

}  // namespace pyprof::test
