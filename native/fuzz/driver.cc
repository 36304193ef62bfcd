// Runs a fuzzer where there is no libFuzzer: all files of a corpus, then mutations of them.
//
//   fuzz_elf [--runs=N] [--seed=N] [--seconds=N] FILE_OR_FOLDER...
//
// Runs each file as it is, then N mutations of files chosen at random, always the same ones for one
// seed, but for no longer than the seconds given. An input that crashes, or that takes more
// than 20 s, is written to the current folder, and its name is printed.

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

constexpr unsigned kHang = 20;  // s
constexpr size_t kMaxSize = 1 << 16;

std::string current;     // the input that runs
std::string crash_path;  // where it is kept when it is the last one

/// Keeps the input that runs. Called when all is lost, so it makes do with system calls.
void WriteCurrent() {
  const int fd = open(crash_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return;
  const char note[] = "the input was written to ";
  if (write(fd, current.data(), current.size()) == static_cast<ssize_t>(current.size())) {
    (void)!write(STDERR_FILENO, note, sizeof(note) - 1);
    (void)!write(STDERR_FILENO, crash_path.data(), crash_path.size());
    (void)!write(STDERR_FILENO, "\n", 1);
  }
  close(fd);
}

void OnSignal(int signal) {
  if (signal == SIGALRM) {
    const char note[] = "an input takes too long\n";
    (void)!write(STDERR_FILENO, note, sizeof(note) - 1);
  }
  WriteCurrent();
  _exit(1);
}

void Run(const std::string& input) {
  current = input;
  alarm(kHang);
  // A copy of its own size, so that a sanitizer sees every step over its end.
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  alarm(0);
}

class Mutator {
 public:
  Mutator(const std::vector<std::string>& corpus, uint64_t seed) : corpus_(corpus), random_(seed) {}

  std::string Next() {
    std::string input = corpus_[Below(corpus_.size())];
    for (uint64_t count = 1 + Below(6); count > 0; --count) Mutate(&input);
    if (input.size() > kMaxSize) input.resize(kMaxSize);
    return input;
  }

 private:
  void Mutate(std::string* input) {
    if (input->empty()) input->push_back('\0');
    const size_t at = Below(input->size());
    switch (Below(8)) {
      case 0:
        (*input)[at] = static_cast<char>(random_());
        return;
      case 1:
        (*input)[at] = static_cast<char>((*input)[at] ^ (1 << Below(8)));
        return;
      case 2: {  // a number where numbers stand
        const size_t size = size_t{1} << Below(4);
        const uint64_t value = Number();
        const size_t place = at / size * size;
        std::memcpy(input->data() + place, &value, std::min(size, input->size() - place));
        return;
      }
      case 3:
        input->erase(at, 1 + Below(std::min<size_t>(16, input->size())));
        return;
      case 4:
        input->insert(at, input->substr(Below(input->size()), 1 + Below(64)));
        return;
      case 5: {  // a piece of another one
        const std::string& other = corpus_[Below(corpus_.size())];
        if (!other.empty()) input->insert(at, other.substr(Below(other.size()), 1 + Below(64)));
        return;
      }
      case 6:
        input->resize(at);
        return;
      default:
        for (uint64_t i = 1 + Below(16); i > 0; --i) {
          input->push_back(static_cast<char>(random_()));
        }
    }
  }

  uint64_t Number() {
    constexpr uint64_t kEdges[] = {0,          1,          7,          0x7f,       0x80,    0xff,
                                   0x1000,     0x7fff,     0xffff,     0x10000,    1 << 20, 1 << 27,
                                   0x7fffffff, 0x80000000, 0xffffffff, 1ull << 62, ~0ull};
    return kEdges[Below(std::size(kEdges))] + Below(3) - 1;
  }

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_;
};

void Load(const std::string& path, std::vector<std::string>* corpus) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) {
    std::fprintf(stderr, "cannot read %s: %s\n", path.c_str(), std::strerror(errno));
    std::exit(2);
  }
  if (!S_ISDIR(status.st_mode)) {
    std::ifstream file(path, std::ios::binary);
    corpus->emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    return;
  }
  std::vector<std::string> names;
  DIR* folder = opendir(path.c_str());
  while (const dirent* entry = folder != nullptr ? readdir(folder) : nullptr) {
    if (entry->d_name[0] != '.') names.push_back(entry->d_name);
  }
  if (folder != nullptr) closedir(folder);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) Load(path + "/" + name, corpus);
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t runs = 0;
  uint64_t seed = 1;
  uint64_t seconds = UINT32_MAX;
  std::vector<std::string> corpus;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind("--runs=", 0) == 0) {
      runs = std::strtoull(argv[i] + 7, nullptr, 10);
    } else if (argument.rfind("--seed=", 0) == 0) {
      seed = std::strtoull(argv[i] + 7, nullptr, 10);
    } else if (argument.rfind("--seconds=", 0) == 0) {
      seconds = std::strtoull(argv[i] + 10, nullptr, 10);
    } else {
      Load(argument, &corpus);
    }
  }
  crash_path = std::string("crash-") +
               (std::strrchr(argv[0], '/') ? std::strrchr(argv[0], '/') + 1 : argv[0]);
  if (corpus.empty()) {
    std::fprintf(stderr, "no corpus: name files or folders\n");
    return 2;
  }
  for (const int number : {SIGALRM, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    // A sanitizer has its own handlers for the others, and calls back when it is done.
    if (__sanitizer_set_death_callback != nullptr && number != SIGALRM && number != SIGABRT) {
      continue;
    }
    signal(number, OnSignal);
  }
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(WriteCurrent);

  for (const std::string& input : corpus) Run(input);
  Mutator mutator(corpus, seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  uint64_t done = 0;
  while (done < runs && std::chrono::steady_clock::now() < end) {
    Run(mutator.Next());
    ++done;
  }
  std::printf("%zu files and %llu mutations, no crash\n", corpus.size(),
              static_cast<unsigned long long>(done));
  return 0;
}
