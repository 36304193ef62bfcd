#include "test/fake/adversary.h"

#include <string>

namespace pyprof::test {

Adversary::Adversary(FakePython* python, uint64_t seed) : python_(python), random_(seed) {
  FakeMemory& memory = python->memory();
  for (const uint64_t page : memory.Pages()) {
    // The offsets were read and checked before; what follows them is fair game.
    for (uint64_t at = page; at < page + FakeMemory::kPage; at += 8) {
      if (memory.Get<uint64_t>(at) != 0 && !python->IsText(at)) words_.push_back(at);
    }
  }
}

uint64_t Adversary::Value(uint64_t old) {
  switch (Random(8)) {
    case 0:
      return 0;
    case 1:
      return random_();
    case 2:
      return old ^ uint64_t{1} << Random(64);
    case 3:
      return old + 8 * (Random(64) - 32);
    case 4:
      return words_[Random(words_.size())];
    case 5:
      return Random(4096);
    case 6:
      return ~uint64_t{0} - Random(4096);
    default: {
      // What another word says: a pointer to the wrong thing.
      const uint64_t other = words_[Random(words_.size())];
      FakeMemory& memory = python_->memory();
      return memory.IsMapped(other) ? memory.Get<uint64_t>(other) : other;
    }
  }
}

void Adversary::Change() {
  FakeMemory& memory = python_->memory();
  const uint64_t address = words_[Random(words_.size())];
  if (Random(20) == 0) {
    const uint64_t page = address / FakeMemory::kPage * FakeMemory::kPage;
    if (const auto gone = unmapped_.find(page); gone != unmapped_.end()) {
      memory.Map(page, FakeMemory::kPage);
      memory.Write(page, gone->second);
      unmapped_.erase(gone);
    } else {
      std::string& bytes = unmapped_[page];
      bytes.resize(FakeMemory::kPage);
      memory.Peek(page, bytes.data(), bytes.size());
      memory.Unmap(page, FakeMemory::kPage);
    }
    return;
  }
  if (!memory.IsMapped(address)) return;
  const auto old = memory.Get<uint64_t>(address);
  originals_.try_emplace(address, old);
  // Half of the changes do not last: a target that lies all the time soon has nothing to read.
  memory.Put(address, Random(2) == 0 ? originals_[address] : Value(old));
}

void Adversary::Start(unsigned percent) {
  python_->memory().OnRange([this, percent](uint64_t) {
    if (Random(100) < percent) Change();
  });
}

void Adversary::Stop() {
  FakeMemory& memory = python_->memory();
  memory.OnRange({});
  for (const auto& [page, bytes] : unmapped_) {
    memory.Map(page, FakeMemory::kPage);
    memory.Write(page, bytes);
  }
  unmapped_.clear();
  for (const auto& [address, value] : originals_) memory.Put(address, value);
  originals_.clear();
}

}  // namespace pyprof::test
