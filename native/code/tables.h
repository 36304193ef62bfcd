#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "code/location_table.h"

namespace pyprof {

inline constexpr int32_t kNoStack = -1;

struct FunctionRow {
  int32_t qualname;  // string
  int32_t file;      // string
  int32_t first_line;
  bool operator==(const FunctionRow&) const = default;
};

struct FrameRow {
  int32_t function;
  Location location;
  bool operator==(const FrameRow&) const = default;
};

/// A stack is its innermost frame on top of the parent stack; kNoStack is the empty one.
struct StackRow {
  int32_t parent;
  int32_t frame;
  bool operator==(const StackRow&) const = default;
};

/// Rows that were added since the last Tables::TakeNew, in order of their indexes.
struct NewRows {
  std::vector<std::string> strings;
  std::vector<FunctionRow> functions;
  std::vector<FrameRow> frames;
  std::vector<StackRow> stacks;
};

/// Set of rows: gives each distinct row the next index and finds it again. Open addressing with
/// linear probing; the rows themselves stand in one vector.
template <typename Row, typename Hash>
class RowSet {
 public:
  int32_t Intern(const Row& row) {
    if ((rows_.size() + 1) * 2 > slots_.size()) Grow();
    size_t at = Hash{}(row) & (slots_.size() - 1);
    while (slots_[at] >= 0) {
      if (rows_[static_cast<size_t>(slots_[at])] == row) return slots_[at];
      at = (at + 1) & (slots_.size() - 1);
    }
    slots_[at] = static_cast<int32_t>(rows_.size());
    rows_.push_back(row);
    return slots_[at];
  }

  const std::vector<Row>& rows() const { return rows_; }

  /// Appends the rows that this has not given out before.
  void TakeNew(std::vector<Row>* out) {
    out->insert(out->end(), rows_.begin() + static_cast<ptrdiff_t>(taken_), rows_.end());
    taken_ = rows_.size();
  }

 private:
  void Grow() {
    slots_.assign(slots_.empty() ? 1024 : slots_.size() * 2, -1);
    for (size_t i = 0; i < rows_.size(); ++i) {
      size_t at = Hash{}(rows_[i]) & (slots_.size() - 1);
      while (slots_[at] >= 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = static_cast<int32_t>(i);
    }
  }

  std::vector<Row> rows_;
  std::vector<int32_t> slots_;
  size_t taken_ = 0;
};

/// Mixes 64 bits well enough for linear probing (the finalizer of MurmurHash3).
constexpr uint64_t Mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

/// The native side of the profile's tables: append-only and interned, so that a stack is one
/// number. Used by the sampling thread alone.
class Tables {
 public:
  int32_t String(std::string_view text);
  int32_t Function(std::string_view qualname, std::string_view file, int32_t first_line);
  int32_t Frame(int32_t function, const Location& location) {
    return frames_.Intern({function, location});
  }
  int32_t Stack(int32_t parent, int32_t frame) { return stacks_.Intern({parent, frame}); }
  StackRow StackAt(int32_t stack) const { return stacks_.rows()[static_cast<size_t>(stack)]; }
  /// A frame for what is not code: `<truncated>` and the like, without file and line.
  int32_t Marker(std::string_view name) { return Frame(Function(name, "", 0), Location{}); }

  /// Moves the rows since the last call behind those already in `out`.
  void TakeNew(NewRows* out);

 private:
  struct PairHash {
    size_t operator()(const StackRow& row) const {
      return Mix(static_cast<uint64_t>(static_cast<uint32_t>(row.parent)) << 32 |
                 static_cast<uint32_t>(row.frame));
    }
    size_t operator()(const FunctionRow& row) const {
      return Mix(operator()(StackRow{row.qualname, row.file}) ^
                 static_cast<uint32_t>(row.first_line));
    }
    size_t operator()(const FrameRow& row) const {
      const Location& l = row.location;
      return Mix(operator()(StackRow{row.function, l.line}) ^
                 operator()(StackRow{l.column, l.end_column}) ^ static_cast<uint32_t>(l.end_line));
    }
  };

  std::unordered_map<std::string, int32_t> strings_;
  std::vector<std::string> new_strings_;
  RowSet<FunctionRow, PairHash> functions_;
  RowSet<FrameRow, PairHash> frames_;
  RowSet<StackRow, PairHash> stacks_;
};

}  // namespace pyprof
