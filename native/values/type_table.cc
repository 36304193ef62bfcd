#include "values/type_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include "code/python_string.h"
#include "memory/load.h"
#include "objects/values.h"

namespace pyprof {
namespace {

// Bounds against classes that lie.
constexpr size_t kMaxBases = 64;
constexpr size_t kMaxSlots = 256;
constexpr size_t kMaxFields = 256;
constexpr uint64_t kMaxName = 256;
constexpr uint64_t kMaxSlotOffset = 1u << 20;

// Bits of tp_flags (Include/object.h) beside those of objects/types.h.
constexpr uint64_t kImmutableType = 1u << 8;
constexpr uint64_t kListSubclass = 1u << 25;
constexpr uint64_t kTupleSubclass = 1u << 26;
constexpr uint64_t kBytesSubclass = 1u << 27;
constexpr uint64_t kExceptionSubclass = 1u << 30;

// PyTypeObject: from tp_name to tp_flags, and from tp_flags on.
constexpr uint64_t kFlagsFromName = 144;
constexpr uint64_t kMembersFromFlags = 72;
constexpr uint64_t kBaseFromFlags = 88;
constexpr uint64_t kDictFromFlags = 96;
constexpr uint64_t kDictOffsetFromFlags = 120;

// PyHeapTypeObject: behind the PyTypeObject 55 words of method tables, then ht_name, ht_slots,
// ht_qualname, ht_cached_keys.
constexpr uint64_t kQualname = 57 * 8;
constexpr uint64_t kCachedKeys = 58 * 8;

// PyMemberDef: name, type (an int), offset, flags (an int), doc (Include/descrobject.h).
constexpr uint64_t kMemberSize = 40;
constexpr uint64_t kMemberType = 8;
constexpr uint64_t kMemberOffset = 16;
constexpr int32_t kMemberObject = 6;     // _Py_T_OBJECT
constexpr int32_t kMemberObjectEx = 16;  // Py_T_OBJECT_EX

/// Classes that CPython and well-known packages write in C.
constexpr std::pair<std::string_view, Shape> kStaticShapes[] = {
    {"NoneType", Shape::kNone},
    {"ellipsis", Shape::kEllipsis},
    {"NotImplementedType", Shape::kNotImplemented},
    {"float", Shape::kFloat},
    {"complex", Shape::kComplex},
    {"bytearray", Shape::kBytearray},
    {"set", Shape::kSet},
    {"frozenset", Shape::kFrozenset},
    {"frozendict", Shape::kDict},  // 3.15; a dict with a hash behind it
    {"function", Shape::kFunction},
    {"builtin_function_or_method", Shape::kBuiltin},
    {"method", Shape::kMethod},
    {"module", Shape::kModule},
    {"code", Shape::kCode},
    {"generator", Shape::kGenerator},
    {"coroutine", Shape::kGenerator},
    {"async_generator", Shape::kGenerator},
    {"cell", Shape::kCell},
    {"datetime.datetime", Shape::kDatetime},
    {"datetime.date", Shape::kDate},
    {"datetime.time", Shape::kTime},
    {"datetime.timedelta", Shape::kTimedelta},
    {"numpy.ndarray", Shape::kNumpyArray},
};

}  // namespace

TypeTable::TypeTable(RemoteMemory* memory, const Layout& layout)
    : memory_(memory),
      layout_(layout),
      types_(memory, layout),
      dicts_(memory, layout, &types_),
      has_parts_(layout.type.tp_flags == layout.type.tp_name + kFlagsFromName &&
                 layout.type.size > layout.type.tp_flags + kDictOffsetFromFlags + 8) {}

void TypeTable::Forget() {
  facts_.clear();
  types_.Forget();
}

std::optional<std::string> TypeTable::Text(uint64_t object, uint64_t max_length) {
  return ReadStrings(memory_, layout_, &types_, {&object, 1}, max_length).front();
}

const Type* TypeTable::BaseOf(const Type& type) {
  uint64_t base = 0;
  if (!has_parts_ ||
      !memory_->ReadValue(type.address + layout_.type.tp_flags + kBaseFromFlags, &base) ||
      base == 0) {
    return nullptr;
  }
  return types_.At(base);
}

/// Address of the class's own `__dict__`; 0 when it is kept elsewhere: of the classes that are part
/// of the interpreter.
uint64_t TypeTable::OwnDict(const Type& type) {
  uint64_t dict = 0;
  if (!has_parts_ || !type.Has(kHeapType)) return 0;
  memory_->ReadValue(type.address + layout_.type.tp_flags + kDictFromFlags, &dict);
  return dict;
}

std::string TypeTable::NameOf(const Type& type) {
  if (!type.Has(kHeapType)) return type.name;
  uint64_t qualname = 0;
  memory_->ReadValue(type.address + layout_.type.size + kQualname, &qualname);
  std::string name = Text(qualname, kMaxName).value_or("");
  // One that C code makes from a specification has the module in its name.
  if (name.empty() || type.name.find('.') != std::string::npos) return type.name;
  const uint64_t dict = OwnDict(type);
  size_t hint = 0;
  const uint64_t module = dict == 0 ? 0 : dicts_.Find(dict, "__module__", &hint);
  const std::string module_name = module == 0 ? "" : Text(module, kMaxName).value_or("");
  return module_name.empty() || module_name == "builtins" ? name : module_name + "." + name;
}

/// Its metaclass is `enum.EnumType`, or made from it.
bool TypeTable::IsEnum(const Type& type) {
  if (!type.Has(kHeapType)) return false;
  const Type* meta = types_.At(type.metatype);
  for (size_t i = 0; meta != nullptr && meta->Has(kHeapType) && i < kMaxBases; ++i) {
    if (meta->name == "EnumType") return true;
    meta = BaseOf(*meta);
  }
  return false;
}

/// @param bases the class itself, its base, and so on
Shape TypeTable::ShapeOf(const Type& type, const std::vector<const Type*>& bases) {
  if (type.Has(kTypeSubclass)) return Shape::kClass;
  if (IsEnum(type)) return Shape::kEnum;
  if (type.Has(kLongSubclass)) {
    return !type.Has(kHeapType) && type.name == "bool" ? Shape::kBool : Shape::kInt;
  }
  if (type.Has(kUnicodeSubclass)) return Shape::kStr;
  if (type.Has(kBytesSubclass)) return Shape::kBytes;
  if (type.Has(kListSubclass)) return Shape::kList;
  if (type.Has(kTupleSubclass)) return Shape::kTuple;
  if (type.Has(kDictSubclass)) return Shape::kDict;
  if (type.Has(kExceptionSubclass)) return Shape::kException;
  for (const Type* base : bases) {
    if (base->name == "array.array" && base->Has(kImmutableType)) return Shape::kArray;
    // From 3.14 on the classes of datetime are in the heap, and as little to be changed.
    if (base->Has(kHeapType) && !base->Has(kImmutableType)) continue;
    for (const auto& [name, shape] : kStaticShapes) {
      if (base->name == name) return shape;
    }
  }
  return Shape::kObject;
}

void TypeTable::ReadSlots(const Type& type, TypeFacts* facts) {
  uint64_t at = 0;
  if (!memory_->ReadValue(type.address + layout_.type.tp_flags + kMembersFromFlags, &at)) return;
  for (size_t i = 0; at != 0 && i < kMaxSlots && facts->slots.size() < kMaxSlots; ++i) {
    std::array<std::byte, kMemberSize> member;
    if (!memory_->Read(at + i * kMemberSize, member.data(), member.size())) return;
    const auto name_address = Load<uint64_t>(member.data());
    if (name_address == 0) return;
    const auto kind = Load<int32_t>(member.data() + kMemberType);
    const auto offset = Load<uint64_t>(member.data() + kMemberOffset);
    if ((kind != kMemberObject && kind != kMemberObjectEx) || offset % 8 != 0 ||
        offset < layout_.object.size || offset > kMaxSlotOffset) {
      continue;
    }
    auto name = ReadCString(memory_, name_address, kMaxName);
    if (name) facts->slots.push_back({std::move(*name), offset});
  }
}

std::vector<std::string> TypeTable::FieldsOf(const Type& type) {
  const uint64_t dict = OwnDict(type);
  size_t hint = 0;
  const uint64_t tuple = dict == 0 ? 0 : dicts_.Find(dict, "_fields", &hint);
  uint64_t type_address = 0;
  uint64_t count = 0;
  if (tuple == 0 || tuple % 8 != 0 ||
      !memory_->ReadValue(tuple + layout_.object.ob_type, &type_address) ||
      !memory_->ReadValue(tuple + layout_.tuple.ob_size, &count) || count > kMaxFields) {
    return {};
  }
  const Type* tuple_type = types_.At(type_address);
  if (tuple_type == nullptr || !tuple_type->Has(kTupleSubclass)) return {};
  std::vector<uint64_t> objects(count);
  if (!memory_->Read(tuple + layout_.tuple.ob_item, objects.data(), count * 8)) return {};
  std::vector<std::string> names;
  for (const uint64_t object : objects) names.push_back(Text(object, kMaxName).value_or(""));
  return names;
}

const TypeFacts* TypeTable::At(uint64_t address) {
  if (const auto found = facts_.find(address); found != facts_.end()) {
    return found->second.type == nullptr ? nullptr : &found->second;
  }
  const Type* type = types_.At(address);
  TypeFacts facts;
  if (type != nullptr) {
    facts.type = type;
    facts.name = NameOf(*type);
    std::vector<const Type*> bases;
    for (const Type* base = type; base != nullptr && bases.size() < kMaxBases;
         base = BaseOf(*base)) {
      if (std::find(bases.begin(), bases.end(), base) != bases.end()) break;
      bases.push_back(base);
    }
    facts.shape = ShapeOf(*type, bases);
    for (size_t i = bases.size(); has_parts_ && i-- > 0;) ReadSlots(*bases[i], &facts);
    int64_t dict_offset = 0;
    if (has_parts_ &&
        memory_->ReadValue(address + layout_.type.tp_flags + kDictOffsetFromFlags, &dict_offset) &&
        dict_offset >= static_cast<int64_t>(layout_.object.size) && dict_offset % 8 == 0 &&
        dict_offset <= static_cast<int64_t>(kMaxSlotOffset)) {
      facts.dict_offset = static_cast<uint64_t>(dict_offset);
    }
    if (type->Has(kHeapType) && type->Has(kInlineValues)) {
      const uint64_t offset = layout_.heap_type.ht_cached_keys != 0
                                  ? layout_.heap_type.ht_cached_keys
                                  : layout_.type.size + kCachedKeys;
      memory_->ReadValue(address + offset, &facts.cached_keys);
    }
    if (facts.shape == Shape::kTuple && type->Has(kHeapType)) facts.fields = FieldsOf(*type);
  }
  const TypeFacts& kept = facts_[address] = std::move(facts);
  return kept.type == nullptr ? nullptr : &kept;
}

}  // namespace pyprof
