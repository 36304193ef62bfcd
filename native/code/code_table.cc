#include "code/code_table.h"

#include <algorithm>
#include <utility>

#include "code/python_string.h"
#include "memory/load.h"
#include "memory/snapshot.h"

namespace pyprof {
namespace {

/// A target that makes code without end must not fill the profiler's memory: beyond this the
/// table starts afresh.
constexpr size_t kMaxCodes = 1u << 18;
/// Words of one frame: a function of eight million locals and temporaries.
constexpr int32_t kMaxFrameWords = 1 << 23;
/// Epoch of an entry that was read for a frame which may be dead.
constexpr uint64_t kUnchecked = UINT64_MAX;
/// Code objects that one snapshot brings along; each costs a third of a microsecond, as it does
/// when it is read apart.
constexpr size_t kMaxWatched = 256;
constexpr size_t kSpareHeads = 3;
/// Code objects that are read together: their names are three ranges each, of the thousand that one
/// system call takes.
constexpr size_t kMostAtOnce = 256;
/// Code units of all entries together, 4 bytes each: what many small tables may add up to.
constexpr size_t kMaxUnits = 64u << 20;
/// A location table beyond this is not read: 4 MiB are a function of some hundred thousand lines.
constexpr uint64_t kMaxLocationTable = 4u << 20;
/// What the first reads bring of a str, of a location table beside its header, and of bytecode:
/// nearly always all of it.
constexpr size_t kFirstStringRead = 256;
constexpr size_t kFirstTableRead = 1024;
constexpr size_t kFirstCodeRead = 512;

// Words of PyCodeObject that are not published but stand at a fixed distance from the published
// co_firstlineno in 3.13, 3.14 and 3.15 (Include/cpython/code.h). They are used only where the
// equation among them holds: co_framesize = co_nlocalsplus + co_stacksize + frame header.
constexpr int kFlagsFromFirstLine = -20;
constexpr int kStackSizeFromFirstLine = -4;
constexpr int kLocalsFromFirstLine = 4;
constexpr int kFrameSizeFromFirstLine = 8;
constexpr int kVersionFromFirstLine = 24;

/// RETURN_VALUE and INSTRUMENTED_RETURN_VALUE, in 3.13 RETURN_CONST too (Include/opcode_ids.h).
constexpr uint8_t kReturns313[] = {36, 103, 239, 240};
constexpr uint8_t kReturns314[] = {35, 246};
constexpr uint8_t kReturns315[] = {33, 245};

/// _PyCodeArray (Include/cpython/code.h): its length, then addresses. The first is that of the code
/// object's own bytecode, the others belong to one thread each.
constexpr size_t kMaxCopies = 1u << 15;
/// Code units up to which an instruction is looked for when the location table does not tell.
constexpr int64_t kMaxUnitsOfCode = 1 << 26;

/// CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR (Include/cpython/code.h).
constexpr uint32_t kGeneratorFlags = 0x20 | 0x80 | 0x200;

/// Memory of which one read has brought some pieces, which are not read again. A code object that
/// lives for a tenth of a millisecond has a name only if it can be read by then.
class ReadAhead final : public RemoteMemory {
 public:
  ReadAhead(RemoteMemory* memory, std::span<const Range> pieces)
      : memory_(memory), snapshot_(memory) {
    snapshot_.Read(pieces);
  }

  int64_t ReadRanges(std::span<const Range> ranges, std::byte* out) override {
    for (const Segment& segment : snapshot_.segments()) {
      if (ranges.size() != 1) break;
      const std::byte* found = segment.At(ranges[0].address, ranges[0].size);
      if (found == nullptr) continue;
      std::copy_n(found, ranges[0].size, out);
      return static_cast<int64_t>(ranges[0].size);
    }
    was_enough_ = false;
    return memory_->ReadRanges(ranges, out);
  }

  /// Whether, since this was asked last, nothing was asked for that had to be read later.
  bool WasEnough() { return std::exchange(was_enough_, true); }

 private:
  RemoteMemory* memory_;
  Snapshot snapshot_;
  bool was_enough_ = true;
};

}  // namespace

CodeTable::CodeTable(RemoteMemory* memory, const Layout& layout, Tables* tables)
    : memory_(memory),
      layout_(layout),
      tables_(tables),
      table_head_(std::max(layout.bytes.ob_sval, layout.bytes.ob_size + 8)) {
  head_size_ =
      std::max({layout.object.ob_type + 8, layout.code.filename + 8, layout.code.qualname + 8,
                layout.code.linetable + 8, layout.code.firstlineno + kVersionFromFirstLine + 4});
}

void CodeTable::AppendRanges(std::vector<Range>* out) {
  plan_changed_ = false;
  // A few that were not met this time may be the next time: leaves take turns.
  size_t spare = kSpareHeads;
  for (const uint64_t address : planned_) {
    if (spare == 0 || watched_.size() >= kMaxWatched) break;
    if (std::find(watched_.begin(), watched_.end(), address) != watched_.end()) continue;
    watched_.push_back(address);
    --spare;
  }
  planned_ = watched_;
  for (const uint64_t address : planned_) out->push_back({address, head_size_});
}

uint64_t CodeTable::GenerationIn(RemoteMemory* memory) const {
  uint64_t sum = 0;
  for (const Range& word : generation_words_) {
    uint64_t value = 0;
    memory->ReadValue(word.address, &value);
    sum += value;
  }
  return sum;
}

void CodeTable::BeginSample(uint64_t generation, std::span<const Segment> planned) {
  ++samples_;
  if (layout_.interpreter.code_object_generation == 0) {
    ++epoch_;
    watched_.clear();
    for (size_t i = 0; i < planned_.size() && i < planned.size(); ++i) {
      CodeObject* known = Get(planned_[i]);
      if (known != nullptr && planned[i].size >= head_size_ &&
          IdentityIn(planned[i].data) == known->identity) {
        known->epoch = epoch_;
      }
    }
  } else {
    epoch_ = generation;
  }
  if (codes_.size() > kMaxCodes || units_ > kMaxUnits) {
    codes_.clear();
    addresses_.clear();
    recent_.fill({});
    units_ = 0;
    prepared_.replaced = true;
  }
}

CodeIdentity CodeTable::IdentityIn(const std::byte* head) const {
  const std::byte* first_line = head + layout_.code.firstlineno;
  return {Load<uint64_t>(head + layout_.object.ob_type),
          Load<uint64_t>(head + layout_.code.filename),
          Load<uint64_t>(head + layout_.code.qualname),
          Load<uint64_t>(head + layout_.code.linetable),
          Load<uint32_t>(first_line + kFlagsFromFirstLine),
          Load<int32_t>(first_line),
          Load<int32_t>(first_line + kStackSizeFromFirstLine),
          Load<int32_t>(first_line + kLocalsFromFirstLine),
          Load<int32_t>(first_line + kFrameSizeFromFirstLine),
          Load<uint32_t>(first_line + kVersionFromFirstLine)};
}

bool CodeTable::IsCode(uint64_t type) {
  if (code_type_ != 0) return type == code_type_;
  uint64_t name = 0;
  if (!memory_->ReadValue(type + layout_.type.tp_name, &name)) return false;
  if (ReadCString(memory_, name, 16) != "code") return false;
  code_type_ = type;
  return true;
}

/// Reads what the stale addresses hold, all by two reads, mostly: the objects, and the names of
/// those that are not what the table has.
void CodeTable::ReadStale(bool alive) {
  std::vector<Range> ranges;
  for (const uint64_t address : stale_) {
    ranges.push_back({address, layout_.code.co_code_adaptive + kFirstCodeRead});
  }
  ReadAhead objects(memory_, ranges);
  ranges.clear();
  std::vector<std::pair<uint64_t, CodeIdentity>> wanted;
  Head head(head_size_);
  for (const uint64_t address : stale_) {
    const bool there = address % 8 == 0 && objects.Read(address, head.data(), head.size());
    const CodeIdentity identity = there ? IdentityIn(head.data()) : CodeIdentity{};
    if (CodeObject* known = Get(address)) {
      if (there && identity == known->identity) {
        if (alive) known->epoch = epoch_;
        continue;
      }
      prepared_.replaced = true;
      codes_.erase(address);
      addresses_.erase(address);
      recent_.fill({});
    }
    if (!there || !IsCode(identity.type)) continue;
    wanted.emplace_back(address, identity);
    ranges.push_back({identity.qualname, kFirstStringRead});
    ranges.push_back({identity.filename, kFirstStringRead});
    ranges.push_back({identity.linetable, table_head_ + kFirstTableRead});
  }
  stale_.clear();
  if (wanted.empty()) return;
  // Last of all, whether anything was freed by then.
  ranges.insert(ranges.end(), generation_words_.begin(), generation_words_.end());
  ReadAhead names(memory_, ranges);
  const bool nothing_freed = !generation_words_.empty() && GenerationIn(&names) == epoch_;
  objects.WasEnough();
  for (const auto& [address, identity] : wanted) {
    auto code = MakeCode(address, identity, &objects, &names);
    if (code == nullptr) continue;
    code->epoch = alive ? epoch_ : kUnchecked;
    code->checked_in = samples_;
    const bool at_once = objects.WasEnough() & names.WasEnough();
    const bool is_sure = nothing_freed && (at_once || GenerationIn(memory_) == epoch_);
    if (!is_sure) prepared_.doubtful.push_back(address);
    codes_.insert_or_assign(address, std::move(code));
    addresses_.insert(address);
  }
}

/// What was read, as an entry; null when its names are none.
std::unique_ptr<CodeObject> CodeTable::MakeCode(uint64_t address, const CodeIdentity& identity,
                                                RemoteMemory* object, RemoteMemory* names) {
  const auto qualname = ReadPythonString(names, layout_, identity.qualname);
  const auto filename = ReadPythonString(names, layout_, identity.filename);
  if (!qualname || !filename) return nullptr;
  // A bytes object: header with its size, then the table.
  std::vector<std::byte> table(table_head_ + kFirstTableRead);
  const Range range{identity.linetable, table.size()};
  const int64_t got = names->ReadRanges({&range, 1}, table.data());
  if (got < static_cast<int64_t>(table_head_)) return nullptr;
  const auto size = Load<uint64_t>(table.data() + layout_.bytes.ob_size);
  const bool whole = size <= kMaxLocationTable;
  const size_t end = layout_.bytes.ob_sval + (whole ? size : 0);
  table.resize(end);
  if (end > static_cast<size_t>(got) &&
      !names->Read(identity.linetable, table.data(), table.size())) {
    return nullptr;
  }

  const int32_t header_words = static_cast<int32_t>(layout_.frame.localsplus / 8);
  const bool size_known = identity.frame_size > 0 && identity.frame_size <= kMaxFrameWords &&
                          identity.stack_size >= 0 && identity.local_count >= 0 &&
                          int64_t{identity.frame_size} ==
                              int64_t{identity.local_count} + identity.stack_size + header_words;
  auto bytes = std::span<const std::byte>(table).subspan(layout_.bytes.ob_sval);
  // A byte tells of eight units at most. Beyond the bound lines are unknown, until the table starts
  // afresh with the next sample.
  if (units_ + bytes.size() * 8 > kMaxUnits) {
    units_ = kMaxUnits + 1;
    bytes = {};
  }
  const LocationTable locations(bytes, identity.first_line);
  const size_t entries = locations.entries();
  // _Py_InitCleanup (Python/specialize.c) has one str for file and name, and no line.
  bool hidden = identity.filename == identity.qualname;
  for (uint32_t i = 0; i < entries; ++i) hidden = hidden && locations.Entry(i).line == 0;
  units_ += locations.units();
  return std::make_unique<CodeObject>(CodeObject{
      identity, tables_->Function(*qualname, *filename, identity.first_line),
      address + layout_.code.co_code_adaptive, hidden, (identity.flags & kGeneratorFlags) != 0,
      size_known ? static_cast<uint32_t>(identity.frame_size) * 8 : 0,
      ReadReturns(object, address + layout_.code.co_code_adaptive, locations.units()), locations,
      std::vector<int32_t>(entries + 1, -1), epoch_});
}

/// Where the code returns: the first byte of a code unit is its opcode.
std::vector<uint32_t> CodeTable::ReadReturns(RemoteMemory* memory, uint64_t first_unit,
                                             size_t units) const {
  std::vector<uint32_t> returns;
  std::span<const uint8_t> opcodes = kReturns315;
  if (layout_.Minor() == 13) opcodes = kReturns313;
  if (layout_.Minor() == 14) opcodes = kReturns314;
  std::vector<uint8_t> code(units * 2);
  if (!memory->Read(first_unit, code.data(), code.size())) return returns;
  for (uint32_t unit = 0; unit < units; ++unit) {
    if (std::find(opcodes.begin(), opcodes.end(), code[2 * unit]) != opcodes.end()) {
      returns.push_back(unit);
    }
  }
  return returns;
}

bool CodeObject::ReturnsAt(uint64_t instruction) const {
  const uint64_t unit = (instruction - first_unit) / 2;
  return instruction >= first_unit && std::binary_search(returns.begin(), returns.end(), unit);
}

void CodeTable::Refresh(std::span<const uint64_t> addresses, bool alive) {
  const bool is_counted = layout_.interpreter.code_object_generation != 0;
  stale_.clear();
  for (const uint64_t address : addresses) {
    CodeObject* known = Get(address);
    if (known == nullptr) {
      if (std::find(stale_.begin(), stale_.end(), address) != stale_.end()) continue;
      stale_.push_back(address);
    } else if (known->epoch != epoch_) {
      plan_changed_ = plan_changed_ || (alive && !is_counted);
      // What was on a stack in the snapshot was then what a read after it has found.
      if (std::exchange(known->checked_in, samples_) != samples_) {
        stale_.push_back(address);
      } else if (alive) {
        known->epoch = epoch_;
      }
    }
    if (alive && !is_counted && known != nullptr &&
        std::exchange(known->watched, epoch_) != epoch_ && watched_.size() < kMaxWatched) {
      watched_.push_back(address);
    }
    if (stale_.size() == kMostAtOnce) ReadStale(alive);
  }
  if (!stale_.empty()) ReadStale(alive);
}

PreparedCodes CodeTable::TakePrepared() { return std::exchange(prepared_, {}); }

CodeObject* CodeTable::Get(uint64_t address) {
  Recent& recent = recent_[(address >> 4) % recent_.size()];
  if (recent.address == address) return recent.code;
  const auto found = codes_.find(address);
  if (found == codes_.end()) return nullptr;
  recent = {address, found->second.get()};
  return recent.code;
}

CodeObject* CodeTable::Find(uint64_t address) {
  if (CodeObject* code = Get(address)) return code;
  Refresh({&address, 1}, false);
  return Get(address);
}

CodeObject* CodeTable::Current(uint64_t address) {
  CodeObject* code = Get(address);
  if (code != nullptr && code->epoch == epoch_) return code;
  Refresh({&address, 1}, false);
  return Get(address);
}

uint64_t CodeTable::Holding(uint64_t instruction) {
  const auto above = addresses_.upper_bound(instruction);
  if (above == addresses_.begin()) return 0;
  const uint64_t address = *std::prev(above);
  const auto holds = [instruction](const CodeObject* code) {
    return code != nullptr && instruction >= code->first_unit &&
           instruction - code->first_unit < 2 * code->locations.units();
  };
  return holds(Get(address)) && holds(Current(address)) ? address : 0;
}

/// A copy that a thread has let go may have been overwritten since: known ones count for one
/// sample.
void CodeTable::ReadCopies(uint64_t address, CodeObject* code) {
  if (code->copies_sample == samples_) return;
  code->copies_sample = samples_;
  code->copies.clear();
  uint64_t array = 0;
  uint64_t length = 0;
  if (!memory_->ReadValue(address + layout_.code.co_tlbc, &array) || array == 0 ||
      !memory_->ReadValue(array, &length) || length > kMaxCopies) {
    return;
  }
  code->copies.resize(length);
  if (!memory_->Read(array + sizeof(length), code->copies.data(), length * sizeof(uint64_t))) {
    code->copies.clear();
  }
}

std::optional<int64_t> CodeTable::UnitOf(uint64_t address, CodeObject* code, uint64_t instruction) {
  const size_t known = code->locations.units();
  const int64_t units = known > 0 ? static_cast<int64_t>(known) : kMaxUnitsOfCode;
  const auto in = [instruction, units](uint64_t first) -> std::optional<int64_t> {
    // A code unit is two bytes; a frame that was never entered stands one unit before the first.
    const auto bytes = static_cast<int64_t>(instruction - first);
    if (bytes == -2) return -1;
    if (bytes < 0 || bytes / 2 >= units) return std::nullopt;
    return bytes / 2;
  };
  const auto own = in(code->first_unit);
  if (own || !layout_.free_threaded || layout_.code.co_tlbc == 0) return own;
  ReadCopies(address, code);
  for (const uint64_t copy : code->copies) {
    if (copy == 0) continue;
    if (const auto unit = in(copy)) return unit;
  }
  return std::nullopt;
}

int32_t CodeTable::FrameOf(uint64_t address, CodeObject* code, uint64_t instruction, bool* sure) {
  if (code->hidden) return -1;
  size_t entry = code->locations.entries();  // unknown
  const auto unit = UnitOf(address, code, instruction);
  if (!unit) {
    *sure = false;
  } else if (*unit >= 0 && code->locations.units() > 0) {
    entry = code->locations.EntryOf(static_cast<size_t>(*unit));
  }
  int32_t& frame = code->frames[entry];
  if (frame < 0) {
    const Location location = entry < code->locations.entries()
                                  ? code->locations.Entry(static_cast<uint32_t>(entry))
                                  : Location{};
    frame = tables_->Frame(code->function, location);
  }
  return frame;
}

}  // namespace pyprof
