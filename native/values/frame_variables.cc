#include "values/frame_variables.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "memory/load.h"
#include "objects/values.h"

namespace pyprof {
namespace {

/// Most variables of a frame that are shown, and names of a body.
constexpr size_t kMaxVariables = 1000;
constexpr size_t kMaxNames = 100;
/// Names of a body that are looked at for those that are shown.
constexpr size_t kMaxNamesSeen = 2000;
constexpr uint64_t kMaxName = 256;

// Kinds of variables (Include/internal/pycore_code.h).
constexpr uint8_t kHidden = 0x10, kCell = 0x40, kFree = 0x80;

// co_flags (Include/cpython/code.h).
constexpr uint32_t kOptimized = 0x1, kVarArgs = 0x4, kVarKeywords = 0x8;

/// Low bits of a stack reference: 3 marks a number that is no object, others whether it is counted
/// (_PyStackRef, Include/internal/pycore_stackref.h). Before 3.14 a pointer has none of them.
constexpr uint64_t kTagBits = 7;
constexpr uint64_t kIsNumber = 3;

uint64_t ObjectOf(uint64_t reference) {
  return (reference & kIsNumber) == kIsNumber ? 0 : reference & ~kTagBits;
}

bool IsPythonsOwn(std::string_view name) {
  return name.size() > 4 && name.starts_with("__") && name.ends_with("__");
}

/// The namespace of a module's or class's body.
void ReadNames(const Layout& layout, ValueReader* values, RemoteMemory* memory, uint64_t frame,
               FrameVariables* out) {
  uint64_t dict = 0;
  uint64_t length = 0;
  if (layout.frame.instr_ptr < 16 ||
      !memory->ReadValue(frame + layout.frame.instr_ptr - 16, &dict)) {
    return;
  }
  const auto items = values->DictItems(dict, kMaxNamesSeen, &length);
  if (!items) return;
  out->omitted = length;
  std::vector<uint64_t> keys;
  for (const DictItem& item : *items) keys.push_back(item.key);
  const auto names = ReadStrings(memory, layout, values->types()->types(), keys, kMaxName);
  for (size_t i = 0; i < items->size() && out->variables.size() < kMaxNames; ++i) {
    if (!names[i] || IsPythonsOwn(*names[i])) continue;
    if (!values->Spend(names[i]->size())) break;
    Value value = values->Read((*items)[i].value);
    if (value.kind == ValueKind::kModule || value.kind == ValueKind::kFunction ||
        value.kind == ValueKind::kClass) {
      continue;
    }
    out->variables.push_back({*names[i], VariableKind::kName, std::move(value)});
    --out->omitted;
  }
}

}  // namespace

FrameVariables ReadVariables(RemoteMemory* memory, const Layout& layout, ValueReader* values,
                             uint64_t frame) {
  FrameVariables out;
  uint64_t code = 0;
  uint64_t type = 0;
  if (frame % 8 != 0 || !memory->ReadValue(frame + layout.frame.executable, &code)) return out;
  code &= ~kTagBits;
  if (code == 0 || !memory->ReadValue(code + layout.object.ob_type, &type)) return out;
  const TypeFacts* facts = values->types()->At(type);
  if (facts == nullptr || facts->shape != Shape::kCode) return out;

  uint64_t names_address = 0;
  uint64_t kinds_address = 0;
  uint64_t kinds_size = 0;
  struct {
    uint32_t flags;
    int32_t arguments, positional_only, keyword_only;
  } counts{};
  if (layout.code.argcount < 4 || layout.code.localsplusnames == 0 ||
      layout.code.localspluskinds == 0 ||
      !memory->ReadValue(code + layout.code.localsplusnames, &names_address) ||
      !memory->ReadValue(code + layout.code.localspluskinds, &kinds_address) ||
      !memory->ReadValue(kinds_address + layout.bytes.ob_size, &kinds_size) ||
      !memory->ReadValue(code + layout.code.argcount - 4, &counts)) {
    return out;
  }
  const auto names = values->Tuple(names_address, kMaxVariables);
  if (!names) return out;
  const size_t count = std::min<uint64_t>(names->size(), kinds_size);
  std::vector<uint8_t> kinds(count);
  std::vector<uint64_t> slots(count);
  if (!memory->Read(kinds_address + layout.bytes.ob_sval, kinds.data(), count) ||
      !memory->Read(frame + layout.frame.localsplus, slots.data(), count * 8)) {
    return out;
  }
  out.readable = true;
  const int64_t arguments = int64_t{counts.arguments} + counts.keyword_only +
                            ((counts.flags & kVarArgs) != 0 ? 1 : 0) +
                            ((counts.flags & kVarKeywords) != 0 ? 1 : 0);
  const auto texts = ReadStrings(memory, layout, values->types()->types(), *names, kMaxName);
  for (size_t i = 0; i < count; ++i) {
    uint64_t object = ObjectOf(slots[i]);
    // What a comprehension that was merged into this function has not used yet.
    if ((kinds[i] & kHidden) != 0 && object == 0) continue;
    if ((kinds[i] & (kCell | kFree)) != 0 && object != 0) {
      uint64_t cell_type = 0;
      memory->ReadValue(object + layout.object.ob_type, &cell_type);
      const TypeFacts* cell = values->types()->At(cell_type);
      // An argument stands in the slot itself until its cell is made.
      if (cell != nullptr && cell->shape == Shape::kCell) {
        if (!memory->ReadValue(object + layout.object.size, &object)) object = 1;  // no object
      }
    }
    VariableKind kind = VariableKind::kLocal;
    if ((kinds[i] & kFree) != 0) {
      kind = VariableKind::kFree;
    } else if (static_cast<int64_t>(i) < arguments) {
      kind = VariableKind::kArgument;
    } else if ((kinds[i] & kCell) != 0) {
      kind = VariableKind::kCell;
    }
    std::string name = texts[i].value_or("?");
    values->Spend(name.size());
    out.variables.push_back({std::move(name), kind, values->Read(object)});
  }
  if ((counts.flags & kOptimized) == 0) ReadNames(layout, values, memory, frame, &out);
  return out;
}

}  // namespace pyprof
