#include "values/value_reader.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "code/python_string.h"
#include "memory/clock.h"
#include "memory/load.h"
#include "objects/values.h"
#include "values/number_text.h"

namespace pyprof {
namespace {

/// What a value counts for beside its texts: about what it takes here and as a script's object.
constexpr size_t kValueCost = 64;
/// Tables are read in parts of so many entries; a part counts as so many bytes, since one that is
/// empty costs time all the same.
constexpr size_t kEntriesAtOnce = 256;
constexpr size_t kEntriesCost = 256;
/// How often the clock is asked: every so many values.
constexpr size_t kLooksPerClock = 64;

// Bounds against objects that lie; all are above what fits into memory or makes sense.
constexpr uint64_t kMaxLength = uint64_t{1} << 48;
constexpr uint64_t kMostEntries = size_t{1} << 32;
constexpr uint64_t kMaxSetMask = (uint64_t{1} << 32) - 1;
constexpr int32_t kMaxDimensions = 64;
constexpr uint64_t kMaxName = 256;

/// Digits of 30 bits that are made decimal: quadratic time. More are told by their length.
constexpr size_t kMaxDigits = 512;
/// Decimal digits of one of 30 bits, at least.
constexpr size_t kDecimalsPerDigit = 9;

/// setentry: key, hash; the hash of a deleted entry is -1.
constexpr uint64_t kSetEntry = 16;
constexpr uint64_t kDeletedHash = ~uint64_t{0};

/// From an object's head: fields of structures that begin with a PyObject.
constexpr uint64_t kWord1 = 8, kWord2 = 16, kWord3 = 24;

// PyASCIIObject.state, as in code/python_string.cc.
constexpr uint32_t Kind(uint32_t state) { return (state >> 2) & 7; }
constexpr bool IsCompact(uint32_t state) { return ((state >> 5) & 1) != 0; }
constexpr bool IsAscii(uint32_t state) { return ((state >> 6) & 1) != 0; }

void AppendUtf16(uint32_t c, std::u16string* out) {
  if (c > 0x10ffff) c = 0xfffd;
  if (c <= 0xffff) {
    out->push_back(static_cast<char16_t>(c));
    return;
  }
  out->push_back(static_cast<char16_t>(0xd800 + ((c - 0x10000) >> 10)));
  out->push_back(static_cast<char16_t>(0xdc00 + ((c - 0x10000) & 0x3ff)));
}

std::u16string Widen(std::string_view ascii) { return {ascii.begin(), ascii.end()}; }

/// Big-endian bytes of a packed date.
int BigEndian(const std::byte* at, int bytes) {
  int value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | std::to_integer<int>(at[i]);
  return value;
}

}  // namespace

ValueReader::ValueReader(RemoteMemory* memory, const Layout& layout, const ValueLimits& limits)
    : memory_(memory),
      layout_(layout),
      limits_{std::min(limits.depth, kMaxValueDepth), std::min(limits.items, kMaxValueItems),
              std::min(limits.text, kMaxValueText), std::min(limits.bytes, kMaxValueBytes),
              limits.time},
      types_(memory, layout) {}

void ValueReader::Begin() {
  types_.Forget();
  spent_ = 0;
  looks_ = 0;
  began_ = Now();
  limit_reached_ = false;
  path_.clear();
}

bool ValueReader::Spend(size_t bytes) {
  spent_ += bytes;
  if (spent_ > limits_.bytes) limit_reached_ = true;
  if (++looks_ % kLooksPerClock == 0 && Now() - began_ > limits_.time) limit_reached_ = true;
  return !limit_reached_;
}

Value ValueReader::At(uint64_t object, size_t depth) {
  Value out;
  out.address = object;
  if (object == 0) {
    out.kind = ValueKind::kUnbound;
    return out;
  }
  if (!Spend(kValueCost)) {
    out.kind = ValueKind::kBeyondLimit;
    return out;
  }
  uint64_t type = 0;
  if (object % 8 != 0 || !memory_->ReadValue(object + layout_.object.ob_type, &type)) return out;
  const TypeFacts* facts = types_.At(type);
  if (facts == nullptr) return out;
  out.type = facts->name;
  Spend(out.type.size());
  if (std::find(path_.begin(), path_.end(), object) != path_.end()) {
    out.kind = ValueKind::kCycle;
    return out;
  }
  path_.push_back(object);
  Fill(object, *facts, depth, &out);
  path_.pop_back();
  Spend(2 * out.text.size());
  return out;
}

void ValueReader::Fill(uint64_t object, const TypeFacts& facts, size_t depth, Value* out) {
  const uint64_t body = object + layout_.object.size;
  uint64_t word = 0;
  switch (facts.shape) {
    case Shape::kNone:
      out->kind = ValueKind::kNone;
      return;
    case Shape::kEllipsis:
      out->kind = ValueKind::kEllipsis;
      return;
    case Shape::kNotImplemented:
      out->kind = ValueKind::kNotImplemented;
      return;
    case Shape::kBool:
    case Shape::kInt:
      return FillInt(object, facts.shape == Shape::kBool, out);
    case Shape::kFloat:
      return FillFloat(object, out);
    case Shape::kComplex:
      return FillComplex(object, out);
    case Shape::kStr:
      return FillStr(object, out);
    case Shape::kBytes:
      return FillBytesObject(object, out);
    case Shape::kBytearray:
      return FillBytearray(object, out);
    case Shape::kList:
      return FillList(object, depth, out);
    case Shape::kTuple:
      return FillTuple(object, facts, depth, out);
    case Shape::kSet:
    case Shape::kFrozenset:
      out->kind = facts.shape == Shape::kSet ? ValueKind::kSet : ValueKind::kFrozenset;
      return FillSet(object, depth, out);
    case Shape::kDict:
      return FillDict(object, depth, out);
    case Shape::kEnum:
      return FillEnum(object, facts, depth, out);
    case Shape::kNumpyArray:
      return FillNumpyArray(object, out);
    case Shape::kArray:
      return FillArray(object, out);
    case Shape::kFunction:  // func_globals, func_builtins, func_name, func_qualname
      if (!memory_->ReadValue(body + kWord3, &word)) return;
      return FillNamed(word, ValueKind::kFunction, out);
    case Shape::kBuiltin:
      return FillBuiltin(object, out);
    case Shape::kMethod:
      return FillMethod(object, depth, out);
    case Shape::kModule:
      return FillModule(object, out);
    case Shape::kClass:
      return FillClass(object, out);
    case Shape::kCode:
      if (!memory_->ReadValue(object + layout_.code.qualname, &word)) return;
      return FillNamed(word, ValueKind::kCode, out);
    case Shape::kGenerator:  // gi_weakreflist, gi_name, gi_qualname
      if (!memory_->ReadValue(body + kWord2, &word)) return;
      return FillNamed(word, ValueKind::kGenerator, out);
    case Shape::kDate:
    case Shape::kDatetime:
    case Shape::kTime:
    case Shape::kTimedelta:
      if (FillDate(object, facts.shape, out)) return;
      break;
    case Shape::kCell:
    case Shape::kException:
    case Shape::kObject:
      break;
  }
  FillObject(object, facts, depth, out);
}

void ValueReader::FillInt(uint64_t object, bool is_bool, Value* out) {
  // Bits 0 and 1 of lv_tag are the sign: 0 positive, 1 zero, 2 negative; digits from bit 3 on.
  uint64_t tag = 0;
  if (!memory_->ReadValue(object + layout_.long_.lv_tag, &tag)) return;
  const uint64_t sign = tag & 3;
  const uint64_t count = tag >> 3;
  if (sign > 2 || count > kMaxLength) return;
  if (is_bool) {
    out->kind = ValueKind::kBool;
    out->text = sign == 1 ? u"False" : u"True";
    return;
  }
  if (count > kMaxDigits || count * kDecimalsPerDigit > limits_.text + 2 * kDecimalsPerDigit) {
    uint32_t top = 0;
    if (!memory_->ReadValue(object + layout_.long_.ob_digit + (count - 1) * 4, &top)) return;
    out->kind = ValueKind::kInt;
    out->cut = true;
    out->length = (count - 1) * 30 + BitLength({&top, 1});
    return;
  }
  std::vector<uint32_t> digits(sign == 1 ? 0 : count);
  if (!memory_->Read(object + layout_.long_.ob_digit, digits.data(), digits.size() * 4)) return;
  out->kind = ValueKind::kInt;
  if (sign == 2) out->text = u"-";
  out->text += Widen(DecimalText(digits));
}

void ValueReader::FillFloat(uint64_t object, Value* out) {
  double value = 0;
  if (!memory_->ReadValue(object + layout_.float_.ob_fval, &value)) return;
  out->kind = ValueKind::kFloat;
  out->text = Widen(FloatText(value));
}

void ValueReader::FillComplex(uint64_t object, Value* out) {
  double parts[2];
  if (!memory_->Read(object + layout_.object.size, parts, sizeof(parts))) return;
  out->kind = ValueKind::kComplex;
  out->text = Widen(ComplexText(parts[0], parts[1]));
}

std::optional<std::u16string> ValueReader::Str(uint64_t object, size_t max_length) {
  Value value;
  uint64_t type = 0;
  if (object == 0 || object % 8 != 0 ||
      !memory_->ReadValue(object + layout_.object.ob_type, &type)) {
    return std::nullopt;
  }
  const Type* known = types_.types()->At(type);
  if (known == nullptr || !known->Has(kUnicodeSubclass)) return std::nullopt;
  const uint64_t head_size = std::max({layout_.unicode.state + 4, layout_.unicode.length + 8});
  std::vector<std::byte> head(head_size);
  if (!memory_->Read(object, head.data(), head.size())) return std::nullopt;
  const auto state = Load<uint32_t>(head.data() + layout_.unicode.state);
  const auto length = Load<uint64_t>(head.data() + layout_.unicode.length);
  const uint32_t kind = Kind(state);
  if ((kind != 1 && kind != 2 && kind != 4) || length > kMaxLength) return std::nullopt;
  uint64_t data = object + (IsAscii(state) ? layout_.unicode.asciiobject_size
                                           : layout_.unicode.compactunicodeobject_size);
  if (!IsCompact(state) &&  // an instance of a subclass: a pointer follows its head
      !memory_->ReadValue(object + layout_.unicode.compactunicodeobject_size, &data)) {
    return std::nullopt;
  }
  const size_t kept = std::min<uint64_t>(length, max_length);
  std::vector<std::byte> bytes(kept * kind);
  if (!memory_->Read(data, bytes.data(), bytes.size())) return std::nullopt;
  std::u16string text;
  text.reserve(kept);
  for (size_t i = 0; i < kept; ++i) {
    uint32_t c = 0;
    std::memcpy(&c, bytes.data() + i * kind, kind);
    AppendUtf16(c, &text);
  }
  return text;
}

void ValueReader::FillStr(uint64_t object, Value* out) {
  uint64_t length = 0;
  auto text = Str(object, limits_.text);
  if (!text || !memory_->ReadValue(object + layout_.unicode.length, &length)) return;
  out->kind = ValueKind::kStr;
  out->text = std::move(*text);
  out->length = length;
  out->cut = length > limits_.text;
}

void ValueReader::FillBytes(uint64_t data, uint64_t length, Value* out) {
  if (length > kMaxLength) return;
  const size_t kept = std::min<uint64_t>(length, limits_.text);
  std::vector<uint8_t> bytes(kept);
  if (!memory_->Read(data, bytes.data(), kept)) return;
  out->text.assign(bytes.begin(), bytes.end());
  out->length = length;
  out->cut = kept < length;
}

void ValueReader::FillBytesObject(uint64_t object, Value* out) {
  uint64_t length = 0;
  if (!memory_->ReadValue(object + layout_.bytes.ob_size, &length)) return;
  FillBytes(object + layout_.bytes.ob_sval, length, out);
  if (out->length) out->kind = ValueKind::kBytes;
}

/// PyByteArrayObject: ob_size, ob_alloc, ob_bytes, ob_start.
void ValueReader::FillBytearray(uint64_t object, Value* out) {
  uint64_t words[4];
  if (!memory_->Read(object + layout_.object.size, words, sizeof(words))) return;
  const auto [length, allocated, bytes, start] = std::to_array(words);
  if (length > kMaxLength || (length > 0 && (start < bytes || start - bytes > allocated ||
                                             length > allocated - (start - bytes)))) {
    return;
  }
  FillBytes(start, length, out);
  if (out->length) out->kind = ValueKind::kBytearray;
}

/// The first items of an array of pointers.
void ValueReader::FillItems(uint64_t items, uint64_t length, size_t depth, Value* out) {
  out->length = length;
  const size_t wanted = depth >= limits_.depth ? 0 : std::min<uint64_t>(length, limits_.items);
  std::vector<uint64_t> objects(wanted);
  if (!memory_->Read(items, objects.data(), wanted * 8)) objects.clear();
  out->cut = objects.size() < length;
  for (const uint64_t object : objects) {
    if (limit_reached_) {
      out->cut = true;
      break;
    }
    out->items.push_back(At(object, depth + 1));
  }
}

void ValueReader::FillList(uint64_t object, size_t depth, Value* out) {
  uint64_t length = 0;
  uint64_t words[2];  // ob_item, allocated
  if (!memory_->ReadValue(object + layout_.list.ob_size, &length) ||
      !memory_->Read(object + layout_.list.ob_item, words, sizeof(words)) || length > words[1] ||
      words[1] > kMaxLength) {
    return;
  }
  out->kind = ValueKind::kList;
  FillItems(words[0], length, depth, out);
}

std::optional<std::vector<uint64_t>> ValueReader::Tuple(uint64_t object, size_t most) {
  uint64_t type = 0;
  uint64_t length = 0;
  if (object == 0 || object % 8 != 0 ||
      !memory_->ReadValue(object + layout_.object.ob_type, &type) ||
      !memory_->ReadValue(object + layout_.tuple.ob_size, &length)) {
    return std::nullopt;
  }
  const TypeFacts* facts = types_.At(type);
  if (facts == nullptr || facts->shape != Shape::kTuple) return std::nullopt;
  std::vector<uint64_t> items(std::min<uint64_t>(length, most));
  if (!memory_->Read(object + layout_.tuple.ob_item, items.data(), items.size() * 8)) {
    return std::nullopt;
  }
  return items;
}

void ValueReader::FillTuple(uint64_t object, const TypeFacts& facts, size_t depth, Value* out) {
  uint64_t length = 0;
  if (!memory_->ReadValue(object + layout_.tuple.ob_size, &length) || length > kMaxLength) return;
  out->kind = ValueKind::kTuple;
  FillItems(object + layout_.tuple.ob_item, length, depth, out);
  if (facts.fields.size() != length) return;
  for (size_t i = 0; i < out->items.size(); ++i) out->names.push_back(facts.fields[i]);
}

/// PySetObject: fill, used, mask, table.
void ValueReader::FillSet(uint64_t object, size_t depth, Value* out) {
  const auto set = [this](uint64_t published, uint64_t otherwise) {
    return layout_.set.table != 0 ? published : layout_.object.size + otherwise;
  };
  uint64_t used = 0;
  uint64_t mask = 0;
  uint64_t table = 0;
  const bool sound = memory_->ReadValue(object + set(layout_.set.used, kWord1), &used) &&
                     memory_->ReadValue(object + set(layout_.set.mask, kWord2), &mask) &&
                     memory_->ReadValue(object + set(layout_.set.table, kWord3), &table) &&
                     mask <= kMaxSetMask && used <= mask + 1;
  if (!sound) {
    out->kind = ValueKind::kUnreadable;
    return;
  }
  out->length = used;
  const size_t wanted = depth >= limits_.depth ? 0 : std::min<uint64_t>(used, limits_.items);
  std::vector<std::byte> bytes;
  for (uint64_t first = 0; first <= mask && out->items.size() < wanted; first += kEntriesAtOnce) {
    if (!Spend(kEntriesCost)) break;
    const uint64_t count = std::min<uint64_t>(kEntriesAtOnce, mask + 1 - first);
    bytes.resize(count * kSetEntry);
    if (!memory_->Read(table + first * kSetEntry, bytes.data(), bytes.size())) break;
    for (uint64_t i = 0; i < count && out->items.size() < wanted; ++i) {
      const auto key = Load<uint64_t>(bytes.data() + i * kSetEntry);
      const auto hash = Load<uint64_t>(bytes.data() + i * kSetEntry + 8);
      if (key == 0 || hash == kDeletedHash) continue;
      if (limit_reached_) break;
      out->items.push_back(At(key, depth + 1));
    }
  }
  out->cut = out->items.size() < used;
}

std::optional<std::vector<DictItem>> ValueReader::DictItems(uint64_t dict, size_t most,
                                                            uint64_t* length) {
  uint64_t type_address = 0;
  uint64_t keys_address = 0;
  uint64_t values_address = 0;
  if (dict == 0 || dict % 8 != 0 ||
      !memory_->ReadValue(dict + layout_.object.ob_type, &type_address) ||
      !memory_->ReadValue(dict + layout_.object.size, length) ||  // ma_used
      !memory_->ReadValue(dict + layout_.dict.ma_keys, &keys_address) ||
      !memory_->ReadValue(dict + layout_.dict.ma_values, &values_address)) {
    return std::nullopt;
  }
  const TypeFacts* facts = types_.At(type_address);
  if (facts == nullptr || facts->shape != Shape::kDict) return std::nullopt;
  const auto keys = ReadDictKeys(memory_, keys_address, kMostEntries);
  if (!keys || keys->split != (values_address != 0) || *length > keys->count) return std::nullopt;
  std::vector<uint64_t> values;
  if (keys->split) {
    uint8_t capacity = 0;
    if (!memory_->ReadValue(values_address, &capacity)) return std::nullopt;
    values.resize(std::min<size_t>(capacity, keys->count));
    if (!memory_->Read(values_address + kValuesHead, values.data(), values.size() * 8)) {
      return std::nullopt;
    }
  }
  std::vector<DictItem> found;
  for (size_t first = 0; first < keys->count && found.size() < most; first += kEntriesAtOnce) {
    if (!Spend(kEntriesCost)) break;
    const auto part = ReadEntries(memory_, *keys, first, kEntriesAtOnce);
    if (!part) break;
    for (size_t i = 0; i < part->size() && found.size() < most; ++i) {
      DictItem item = (*part)[i];
      if (keys->split) item.value = first + i < values.size() ? values[first + i] : 0;
      if (item.key != 0 && item.value != 0) found.push_back(item);
    }
  }
  return found;
}

void ValueReader::FillDict(uint64_t object, size_t depth, Value* out) {
  uint64_t length = 0;
  const size_t most = depth >= limits_.depth ? 0 : limits_.items;
  const auto items = DictItems(object, most, &length);
  if (!items) return;
  out->kind = ValueKind::kDict;
  out->length = length;
  for (const DictItem& item : *items) {
    if (limit_reached_) break;
    out->keys.push_back(At(item.key, depth + 1));
    out->items.push_back(At(item.value, depth + 1));
  }
  out->cut = out->items.size() < length;
}

std::string ValueReader::NameText(uint64_t object) {
  return ReadStrings(memory_, layout_, types_.types(), {&object, 1}, kMaxName).front().value_or("");
}

/// Attributes whose values are in the object, behind its fixed part. False when they are not there
/// (any more).
bool ValueReader::InlineAttributes(uint64_t object, const TypeFacts& facts, size_t most,
                                   uint64_t* length, std::vector<Attribute>* out) {
  if (facts.cached_keys == 0) return false;
  const uint64_t at = object + facts.type->basicsize;
  uint8_t head[4];  // capacity, size, embedded, valid
  if (!memory_->Read(at, head, sizeof(head)) || head[2] != 1 || head[3] != 1) return false;
  const auto keys = ReadDictKeys(memory_, facts.cached_keys);
  if (!keys || !keys->split) return false;
  std::vector<uint64_t> values(std::min<size_t>(head[0], keys->count));
  const auto entries = ReadEntries(memory_, *keys, 0, values.size());
  if (!entries || !memory_->Read(at + kValuesHead, values.data(), values.size() * 8)) return false;
  for (size_t i = 0; i < entries->size() && i < values.size(); ++i) {
    if ((*entries)[i].key == 0 || values[i] == 0) continue;
    ++*length;
    if (out->size() < most) out->push_back({NameText((*entries)[i].key), values[i]});
  }
  return true;
}

std::vector<ValueReader::Attribute> ValueReader::AttributesOf(uint64_t object,
                                                              const TypeFacts& facts, size_t most,
                                                              uint64_t* length) {
  std::vector<Attribute> found;
  if (facts.shape == Shape::kException) {
    // PyBaseExceptionObject: dict, args.
    uint64_t args = 0;
    if (memory_->ReadValue(object + layout_.object.size + kWord1, &args) && args != 0) {
      ++*length;
      if (most > 0) found.push_back({"args", args});
    }
  }
  for (const Slot& slot : facts.slots) {
    uint64_t value = 0;
    if (slot.offset + 8 > facts.type->basicsize ||
        !memory_->ReadValue(object + slot.offset, &value) || value == 0) {
      continue;
    }
    ++*length;
    if (found.size() < most) found.push_back({slot.name, value});
  }
  if (InlineAttributes(object, facts, most, length, &found)) return found;
  uint64_t dict = 0;
  if (facts.type->Has(kManagedDict)) {
    // In front of the object (Include/internal/pycore_object.h, MANAGED_DICT_OFFSET).
    memory_->ReadValue(object - (layout_.free_threaded ? 8 : 24), &dict);
  } else if (facts.dict_offset != 0) {
    memory_->ReadValue(object + facts.dict_offset, &dict);
  }
  uint64_t count = 0;
  const auto items =
      dict == 0 ? std::nullopt : DictItems(dict, most - std::min(most, found.size()), &count);
  if (!items) return found;
  *length += count;
  for (const DictItem& item : *items) found.push_back({NameText(item.key), item.value});
  return found;
}

void ValueReader::Attach(const std::vector<Attribute>& attributes, uint64_t length, size_t depth,
                         Value* out) {
  out->length = length;
  for (const Attribute& attribute : attributes) {
    if (!Spend(attribute.name.size())) break;
    out->names.push_back(attribute.name);
    out->items.push_back(At(attribute.value, depth + 1));
  }
  out->cut = out->items.size() < length;
}

void ValueReader::FillObject(uint64_t object, const TypeFacts& facts, size_t depth, Value* out) {
  out->kind = ValueKind::kObject;
  uint64_t length = 0;
  const size_t most = depth >= limits_.depth ? 0 : limits_.items;
  const auto attributes = AttributesOf(object, facts, most, &length);
  Attach(attributes, length, depth, out);
}

void ValueReader::FillEnum(uint64_t object, const TypeFacts& facts, size_t depth, Value* out) {
  constexpr size_t kEnumAttributes = 16;
  uint64_t length = 0;
  uint64_t name = 0;
  uint64_t value = 0;
  for (const Attribute& attribute : AttributesOf(object, facts, kEnumAttributes, &length)) {
    if (attribute.name == "_name_") name = attribute.value;
    if (attribute.name == "_value_") value = attribute.value;
  }
  auto text = Str(name, kMaxName);
  if (!text && value == 0) return FillObject(object, facts, depth, out);
  out->kind = ValueKind::kEnum;
  out->text = text.value_or(u"");
  if (value == 0) return;
  out->names.push_back("value");
  out->items.push_back(At(value, depth + 1));
}

/// PyArrayObject: data, nd (an int), dimensions, strides, base, descr; PyArray_Descr: typeobj.
void ValueReader::FillNumpyArray(uint64_t object, Value* out) {
  uint64_t words[6];
  if (!memory_->Read(object + layout_.object.size, words, sizeof(words))) return;
  const auto dimensions = static_cast<int32_t>(words[1]);
  if (dimensions < 0 || dimensions > kMaxDimensions) return;
  std::vector<uint64_t> shape(static_cast<size_t>(dimensions));
  if (!memory_->Read(words[2], shape.data(), shape.size() * 8)) return;
  if (std::any_of(shape.begin(), shape.end(), [](uint64_t n) { return n > kMaxLength; })) return;
  out->kind = ValueKind::kArray;
  out->shape = std::move(shape);
  uint64_t element = 0;
  if (words[5] % 8 != 0 || !memory_->ReadValue(words[5] + layout_.object.size, &element)) return;
  const Type* type = types_.types()->At(element);
  if (type == nullptr) return;
  const std::string_view name = type->name;
  out->text = Widen(name.starts_with("numpy.") ? name.substr(6) : name);
}

/// arrayobject (Modules/arraymodule.c): ob_size, ob_item, allocated, ob_descr, which begins with
/// the type code.
void ValueReader::FillArray(uint64_t object, Value* out) {
  uint64_t words[4];
  char code = 0;
  if (!memory_->Read(object + layout_.object.size, words, sizeof(words)) || words[0] > kMaxLength ||
      !memory_->ReadValue(words[3], &code) || code <= ' ' || code >= 127) {
    return;
  }
  out->kind = ValueKind::kArray;
  out->shape = {words[0]};
  out->text = Widen({&code, 1});
}

void ValueReader::FillNamed(uint64_t name, ValueKind kind, Value* out) {
  auto text = Str(name, kMaxName);
  if (!text) return;
  out->kind = kind;
  out->text = std::move(*text);
}

/// PyCFunctionObject: m_ml, which begins with the name.
void ValueReader::FillBuiltin(uint64_t object, Value* out) {
  uint64_t method = 0;
  uint64_t name = 0;
  if (!memory_->ReadValue(object + layout_.object.size, &method) ||
      !memory_->ReadValue(method, &name)) {
    return;
  }
  const auto text = ReadCString(memory_, name, kMaxName);
  if (!text) return;
  out->kind = ValueKind::kFunction;
  out->text = Widen(*text);
}

/// PyMethodObject: im_func, im_self.
void ValueReader::FillMethod(uint64_t object, size_t depth, Value* out) {
  uint64_t words[2];
  if (!memory_->Read(object + layout_.object.size, words, sizeof(words))) return;
  const Value function = At(words[0], limits_.depth);
  if (function.kind != ValueKind::kFunction) return FillNamed(0, ValueKind::kFunction, out);
  out->kind = ValueKind::kFunction;
  out->text = function.text;
  if (depth >= limits_.depth) return;
  out->names.push_back("__self__");
  out->items.push_back(At(words[1], depth + 1));
}

void ValueReader::FillModule(uint64_t object, Value* out) {
  uint64_t dict = 0;
  size_t hint = 0;
  // md_dict follows the object's head (Include/internal/pycore_moduleobject.h).
  if (!memory_->ReadValue(object + layout_.object.size, &dict)) return;
  FillNamed(types_.dicts()->Find(dict, "__name__", &hint), ValueKind::kModule, out);
}

void ValueReader::FillClass(uint64_t object, Value* out) {
  const TypeFacts* facts = types_.At(object);
  if (facts == nullptr) return;
  out->kind = ValueKind::kClass;
  out->text = Widen(facts->name);
}

/// _PyDateTime_…: hashcode, hastzinfo (1 byte), then the packed date and time (Include/datetime.h);
/// a timedelta's hashcode is followed by days, seconds and microseconds (4 bytes each). False when
/// it holds no date.
bool ValueReader::FillDate(uint64_t object, Shape shape, Value* out) {
  std::array<std::byte, 12> bytes;
  const uint64_t at = object + layout_.object.size + 8;
  char text[64];
  if (!memory_->Read(at, bytes.data(), bytes.size())) return false;
  if (shape == Shape::kTimedelta) {
    snprintf(text, sizeof(text), "%dd %d.%06ds", Load<int32_t>(bytes.data()),
             Load<int32_t>(bytes.data() + 4), Load<int32_t>(bytes.data() + 8));
  } else {
    const std::byte* data = bytes.data() + 1;
    int used = 0;
    if (shape != Shape::kTime) {
      const int month = BigEndian(data + 2, 1);
      const int day = BigEndian(data + 3, 1);
      if (month < 1 || month > 12 || day < 1 || day > 31) return false;
      used = snprintf(text, sizeof(text), "%04d-%02d-%02d", BigEndian(data, 2), month, day);
      data += 4;
    }
    if (shape != Shape::kDate) {
      const int hour = BigEndian(data, 1);
      const int minute = BigEndian(data + 1, 1);
      const int second = BigEndian(data + 2, 1);
      const int fraction = BigEndian(data + 3, 3);
      if (hour > 23 || minute > 59 || second > 59 || fraction > 999'999) return false;
      used += snprintf(text + used, sizeof(text) - static_cast<size_t>(used), "%s%02d:%02d:%02d",
                       used > 0 ? "T" : "", hour, minute, second);
      if (fraction > 0) {
        used += snprintf(text + used, sizeof(text) - static_cast<size_t>(used), ".%06d", fraction);
      }
      const bool aware = std::to_integer<int>(bytes[0]) != 0;
      if (aware) snprintf(text + used, sizeof(text) - static_cast<size_t>(used), " tz-aware");
    }
  }
  out->kind = ValueKind::kObject;
  out->text = Widen(text);
  return true;
}

}  // namespace pyprof
