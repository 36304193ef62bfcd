#include "code/tables.h"

#include <iterator>
#include <utility>

namespace pyprof {

int32_t Tables::String(std::string_view text) {
  const auto [at, added] =
      strings_.try_emplace(std::string(text), static_cast<int32_t>(strings_.size()));
  if (added) new_strings_.push_back(at->first);
  return at->second;
}

int32_t Tables::Function(std::string_view qualname, std::string_view file, int32_t first_line) {
  // Two statements: the order in which arguments are evaluated is not defined.
  const int32_t name = String(qualname);
  return functions_.Intern({name, String(file), first_line});
}

void Tables::TakeNew(NewRows* out) {
  out->strings.insert(out->strings.end(), std::make_move_iterator(new_strings_.begin()),
                      std::make_move_iterator(new_strings_.end()));
  new_strings_.clear();
  functions_.TakeNew(&out->functions);
  frames_.TakeNew(&out->frames);
  stacks_.TakeNew(&out->stacks);
}

}  // namespace pyprof
