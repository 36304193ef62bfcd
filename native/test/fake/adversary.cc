#include "test/fake/adversary.h"

#include <string>

namespace pyprof::test {

Adversary::Adversary(FakePython* python, uint64_t seed) : python_(python), random_(seed) {
  FakeMemory& memory = python->memory();
  const uint64_t runtime_end = FakePython::kRuntime + python->layout().runtime.size;
  for (const uint64_t page : memory.Pages()) {
    // The runtime is spared: without it there is nothing to read at all.
    if (page + FakeMemory::kPage > FakePython::kRuntime && page < runtime_end) continue;
    for (uint64_t at = page; at < page + FakeMemory::kPage; at += 8) {
      if (memory.Get<uint64_t>(at) != 0 && !python->IsConstant(at)) words_.push_back(at);
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
  // Most changes do not last: a target that lies all the time soon has nothing to read.
  const uint64_t what = Random(100);
  if (what < 50) {
    RestoreWord();
  } else if (what < 60) {
    RestorePage();
  } else {
    const uint64_t address = words_[Random(words_.size())];
    FakeMemory& memory = python_->memory();
    if (!memory.IsMapped(address)) return;
    if (what < 65) {
      Unmap(address / FakeMemory::kPage * FakeMemory::kPage);
    } else {
      const auto old = memory.Get<uint64_t>(address);
      originals_.try_emplace(address, old);
      memory.Put(address, Value(old));
    }
  }
}

void Adversary::RestoreWord() {
  if (originals_.empty()) return;
  auto at = originals_.lower_bound(words_[Random(words_.size())]);
  if (at == originals_.end()) at = originals_.begin();
  if (!python_->memory().IsMapped(at->first)) return;
  python_->memory().Put(at->first, at->second);
  originals_.erase(at);
}

void Adversary::Unmap(uint64_t page) {
  std::string& bytes = unmapped_[page];
  bytes.resize(FakeMemory::kPage);
  python_->memory().Peek(page, bytes.data(), bytes.size());
  python_->memory().Unmap(page, FakeMemory::kPage);
}

void Adversary::RestorePage() {
  if (unmapped_.empty()) return;
  const auto gone = unmapped_.begin();
  python_->memory().Map(gone->first, FakeMemory::kPage);
  python_->memory().Write(gone->first, gone->second);
  unmapped_.erase(gone);
}

void Adversary::Start(unsigned percent) {
  python_->memory().OnRange([this, percent](uint64_t) {
    if (Random(100) < percent) Change();
  });
}

void Adversary::Stop() {
  FakeMemory& memory = python_->memory();
  memory.OnRange({});
  while (!unmapped_.empty()) RestorePage();
  for (const auto& [address, value] : originals_) memory.Put(address, value);
  originals_.clear();
}

}  // namespace pyprof::test
