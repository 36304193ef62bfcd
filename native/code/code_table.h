#pragma once

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <vector>

#include "code/location_table.h"
#include "code/tables.h"
#include "memory/remote_memory.h"
#include "runtime/layout.h"

namespace pyprof {

/// The words that tell one code object from another that came to stand at the same address.
struct CodeIdentity {
  uint64_t type;
  uint64_t filename;
  uint64_t qualname;
  uint64_t linetable;
  uint32_t flags;
  int32_t first_line;
  int32_t stack_size;
  int32_t local_count;
  int32_t frame_size;
  uint32_t version;
  bool operator==(const CodeIdentity&) const = default;
};

/// A code object of the target, read once.
struct CodeObject {
  CodeIdentity identity;
  int32_t function;
  /// Address of the first code unit.
  uint64_t first_unit;
  /// CPython's own glue, which no traceback shows: the frame that checks what `__init__` returned.
  bool hidden;
  /// A call of it makes a generator, coroutine or async generator: its frame is on the data stack
  /// only until that is made, and looks alive afterwards.
  bool makes_generator;
  /// Bytes that one frame of it takes on the data stack; 0 when that is not known.
  uint32_t frame_bytes;
  /// Code units that return, in order: a frame that stands on one is being cleared, or has been.
  std::vector<uint32_t> returns;
  LocationTable locations;
  /// Frame index of each location, and last of the unknown one; -1 until it is first seen.
  std::vector<int32_t> frames;
  /// The last epoch in which the identity was seen to hold.
  uint64_t epoch;
  /// The last epoch in which it was on a stack.
  uint64_t watched = 0;
  /// The sample in which it was last read, or seen to be what it was.
  uint64_t checked_in = 0;

  bool ReturnsAt(uint64_t instruction) const;
  /// Free-threaded builds: where the copies of the bytecode begin that threads have for themselves,
  /// as `copies_sample` found them.
  std::vector<uint64_t> copies = {};
  uint64_t copies_sample = 0;
};

/// What the code table had to read from the target.
struct PreparedCodes {
  /// Addresses that were read, or read anew, when something may have been freed since the snapshot:
  /// their names may not be those of the sample's frames. Before 3.14 that is not known of any.
  std::vector<uint64_t> doubtful;
  /// A known address holds another code object than before.
  bool replaced = false;
};

/// Code objects by address. An address alone does not name a code object, since addresses are
/// reused: an entry counts only for the epoch in which it was last checked. From 3.14 on an epoch
/// is CPython's own `code_object_generation`, which moves when a code object is freed; before,
/// every sample is an epoch of its own.
class CodeTable {
 public:
  CodeTable(RemoteMemory* memory, const Layout& layout, Tables* tables);

  /// Before 3.14: appends the ranges of the code objects that the last samples checked, so that the
  /// next snapshot brings them along. Nothing later, where the generation tells.
  void AppendRanges(std::vector<Range>* out);
  /// Whether AppendRanges would append others than the last time.
  bool PlanChanged() const { return plan_changed_; }

  /// Where the target counts the code objects that were freed: one word for each interpreter, whose
  /// sum is the generation. None before 3.14.
  void CountFreedAt(std::vector<Range> words) { generation_words_ = std::move(words); }

  /// That sum, as it stands in some memory: the target's, or a copy.
  uint64_t GenerationIn(RemoteMemory* memory) const;

  /// Starts a sample, with what the published generation said in its snapshot (0 on 3.13), and the
  /// snapshot's segments from the first of AppendRanges on.
  void BeginSample(uint64_t generation, std::span<const Segment> planned);

  /// Makes the code objects at these addresses current for this sample: unknown ones are read,
  /// known ones of an older epoch are checked, all by as few reads as possible. They must be alive:
  /// on a stack of this sample. A freed one looks the same until its memory is used again, and
  /// would count as checked then.
  void Prepare(std::span<const uint64_t> addresses) { Refresh(addresses, true); }

  /// The same for addresses that may be on a stack of this sample: what is said of them one by one
  /// later takes no more reads.
  void Foresee(std::span<const uint64_t> addresses) { Refresh(addresses, false); }

  /// Whether it is known what the address holds in this sample.
  bool IsCurrent(uint64_t address) {
    const CodeObject* code = Get(address);
    return code != nullptr && (code->epoch == epoch_ || code->checked_in == samples_);
  }

  /// What all calls since the last TakePrepared had to do.
  PreparedCodes TakePrepared();

  /// The code object at the address; null when there is none. Prepare must have named it.
  CodeObject* Get(uint64_t address);

  /// The code object at the address, read at once when it is unknown; a known one may be of an
  /// older epoch. Null when there is no code object. May be asked for what is not alive.
  CodeObject* Find(uint64_t address);

  /// The same, as it is now.
  CodeObject* Current(uint64_t address);
  uint32_t CurrentFrameBytes(uint64_t address) {
    const CodeObject* code = Current(address);
    return code == nullptr ? 0 : code->frame_bytes;
  }

  /// Address of the known code object that the instruction is of, as it is now; 0: of none.
  uint64_t Holding(uint64_t instruction);

  /// Size in bytes of a frame of the code at `address`; 0 when it is not code or not known.
  uint32_t FrameBytes(uint64_t address) {
    const CodeObject* code = Find(address);
    return code == nullptr ? 0 : code->frame_bytes;
  }

  /// Index of the frame for this instruction; -1 for a hidden code object. `*sure` is set to false
  /// when the instruction is outside of the code, which means that frame and code do not belong
  /// together.
  int32_t FrameOf(uint64_t address, CodeObject* code, uint64_t instruction, bool* sure);

  /// Index of the code unit at which the instruction stands, -1 right before the first; nothing
  /// when it stands in no bytecode of the code object at `address`.
  std::optional<int64_t> UnitOf(uint64_t address, CodeObject* code, uint64_t instruction);

 private:
  using Head = std::vector<std::byte>;

  void Refresh(std::span<const uint64_t> addresses, bool alive);
  void ReadStale(bool alive);
  CodeIdentity IdentityIn(const std::byte* head) const;
  bool IsCode(uint64_t type);
  std::unique_ptr<CodeObject> MakeCode(uint64_t address, const CodeIdentity& identity,
                                       RemoteMemory* object, RemoteMemory* names);
  std::vector<uint32_t> ReadReturns(RemoteMemory* memory, uint64_t first_unit, size_t units) const;
  void ReadCopies(uint64_t address, CodeObject* code);

  RemoteMemory* memory_;
  const Layout& layout_;
  Tables* tables_;
  /// Bytes of a code object up to the end of its fixed part, and of a bytes object up to its data.
  size_t head_size_;
  size_t table_head_;
  /// Address of PyCode_Type once seen.
  uint64_t code_type_ = 0;
  uint64_t epoch_ = 0;
  uint64_t samples_ = 0;
  std::vector<Range> generation_words_;
  std::unordered_map<uint64_t, std::unique_ptr<CodeObject>> codes_;
  /// The same addresses in order.
  std::set<uint64_t> addresses_;
  /// The entries that were asked for last, by a few bits of the address.
  struct Recent {
    uint64_t address = 0;
    CodeObject* code = nullptr;
  };
  std::array<Recent, 256> recent_{};
  size_t units_ = 0;
  /// Addresses that this sample checked, each once; what the plan brings along.
  std::vector<uint64_t> watched_;
  std::vector<uint64_t> planned_;
  bool plan_changed_ = false;
  PreparedCodes prepared_;
  /// Scratch of Refresh: addresses that have to be read.
  std::vector<uint64_t> stale_;
};

}  // namespace pyprof
